import { Controller, Get, Header, Inject, Req } from '@nestjs/common';
import { DPOP_ALGORITHMS } from '@sallyport/access-token';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { FastifyRequest } from 'fastify';
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
/** Of the host and the target of a request for it. */
export type DescribeProtectedResource = (host: string, url: string | undefined) => ProtectedResourceMetadata;
export const DESCRIBE_PROTECTED_RESOURCE = Symbol('DescribeProtectedResource');

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

@Controller()
export class ProtectedResourceController {
  readonly #describe: DescribeProtectedResource;

  constructor(@Inject(DESCRIBE_PROTECTED_RESOURCE) describe: DescribeProtectedResource) {
    this.#describe = describe;
  }

  /**
   * Root and path forms (RFC 9728 section 3.1), each with the address that was asked as its resource: strict agents
   * compare the two (section 3.3). Tokens are for the gateway as a whole all the same, and the authorization server
   * takes each of these names for it. Whether there is such a server is nothing to tell here: unknown names answer
   * alike.
   */
  @Get([
    '.well-known/oauth-protected-resource',
    '.well-known/oauth-protected-resource/mcp',
    '.well-known/oauth-protected-resource/mcp/:server',
  ])
  @Header('access-control-allow-origin', '*') // to whoever asks: caches in between keep it for everybody
  @Header('cache-control', 'public, max-age=300')
  metadata(@Req() request: FastifyRequest): ProtectedResourceMetadata {
    return this.#describe(request.host, request.raw.url);
  }
}
