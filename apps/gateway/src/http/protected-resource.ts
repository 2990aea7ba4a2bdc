import { DPOP_ALGORITHMS } from '@sallyport/access-token';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { AskedAddress } from '../protocol/asked-address.js';

/** RFC 9728 section 2: what an agent needs to find our authorization server, and how it shows its tokens. */
export interface ProtectedResourceMetadata {
  readonly resource: string;
  readonly authorization_servers: readonly string[];
  readonly bearer_methods_supported: readonly string[];
  readonly resource_name: string;
  readonly dpop_signing_alg_values_supported: readonly string[];
  readonly dpop_bound_access_tokens_required?: true;
}

export function describeProtectedResource(
  { resource }: AskedAddress,
  issuer: string,
  snapshot: ConfigurationSnapshot | undefined,
): ProtectedResourceMetadata {
  return {
    resource,
    authorization_servers: [issuer],
    bearer_methods_supported: ['header'],
    resource_name: 'Sallyport MCP gateway',
    dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
    ...(snapshot !== undefined && everybodyNeedsBoundTokens(snapshot)
      ? { dpop_bound_access_tokens_required: true }
      : {}),
  };
}

/** No policy of the first hop lets anybody in without. */
function everybodyNeedsBoundTokens(snapshot: ConfigurationSnapshot): boolean {
  const firstHop = snapshot.all('AccessPolicy').filter(({ spec }) => spec.hop === 'client-to-gateway');
  return firstHop.length > 0 && firstHop.every(({ spec }) => spec.agents?.dpopBoundTokens === true);
}
