import { durationSeconds } from '@sallyport/kernel';
import type { CredentialProviderOf } from '@sallyport/configuration';
import type { CredentialRequest } from '../credential-request.js';
import {
  NO_SIGNING_KEY,
  signDownstreamToken,
  type DownstreamTokenContext,
  type SigningKeys,
} from '../downstream-token.js';
import type { ProviderLease } from '../provider-lease.js';

type GatewayTokenProvider = CredentialProviderOf<'gateway-token'>;

export interface GatewayTokenContext extends DownstreamTokenContext {
  readonly signingKeys: SigningKeys;
}

const MAX_LIFETIME_SECONDS = 300;
/** The lease ends before its token, so that a request under way does not arrive with an expired one. */
const MARGIN_SECONDS = 20;

/**
 * `gateway-token`: signs a token for one server and one user through one agent (RFC 8693 section 4.1 `act`), in the
 * RFC 9068 profile. Its audience is the server's resource, never ours. Its `sid` names the agent session, whose end
 * introspection reports; it opens nothing. The token names nobody beside the user and the agent.
 * @throws SallyportError `signing_key_purpose` when the key is not one for downstream tokens.
 */
export async function leaseGatewayToken(
  { caller, target: { server } }: Pick<CredentialRequest, 'caller' | 'target'>,
  spec: GatewayTokenProvider,
  { issuer, clock, signingKeys }: GatewayTokenContext,
): Promise<ProviderLease> {
  const signingKey = await signingKeys.newest();
  if (!signingKey) return NO_SIGNING_KEY;
  const lifetimeSeconds = Math.min(durationSeconds(spec.lifetime) ?? 0, MAX_LIFETIME_SECONDS);
  const claims = { sid: caller.sid, ...(spec.scopes.length > 0 ? { scope: spec.scopes.join(' ') } : {}) };
  const token = await signDownstreamToken(
    { caller, audience: server.spec.resource ?? server.spec.url, lifetimeSeconds, claims, signingKey },
    { issuer, clock },
  );
  return {
    type: 'granted',
    headers: { authorization: `Bearer ${token}` },
    connectionId: null,
    connectionRevision: 0,
    expiresInSeconds: Math.max(1, lifetimeSeconds - MARGIN_SECONDS),
  };
}
