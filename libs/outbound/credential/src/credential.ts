import type { Clock } from '@sallyport/kernel';
import type { FindSecret } from '@sallyport/oauth';
import { withAddOns } from './credential-add-ons.js';
import type { CredentialRequest } from './credential-request.js';
import { leaseWithClientCredentials, type ClientCredentialsLeaseContext } from './kinds/client-credentials.js';
import { leaseCloudCredential, type CloudLeaseContext } from './kinds/cloud.js';
import { leaseGatewayToken, type GatewayTokenContext } from './kinds/gateway-token.js';
import { leaseByIdJag, type IdJagLeaseContext } from './kinds/id-jag.js';
import { leaseUserConnection, type UserConnectionContext } from './kinds/mcp-user-oauth.js';
import { leaseNothing } from './kinds/none.js';
import { leaseSharedConnection } from './kinds/oauth-shared.js';
import { leaseStaticSecret, type StaticLeaseContext } from './kinds/static.js';
import { leaseByTokenExchange, type TokenExchangeLeaseContext } from './kinds/token-exchange.js';
import type { ProviderLease, ProviderRefusal } from './provider-lease.js';
import { mayStepUp } from './step-up.js';

/** What the kinds need, each its own part. */
export interface CredentialContext
  extends
    GatewayTokenContext,
    CloudLeaseContext,
    ClientCredentialsLeaseContext,
    TokenExchangeLeaseContext,
    IdJagLeaseContext,
    StaticLeaseContext {
  readonly clock: Clock;
  /** A document's secret by its stored name: `CredentialProvider/notes/secret`. */
  readonly findSecret: FindSecret;
  readonly userConnections: UserConnectionContext;
}

/** Leases the credential that the target's provider gives this caller, with its client certificate and signing keys. */
export async function leaseCredential(
  request: CredentialRequest,
  context: CredentialContext,
): Promise<ProviderLease | ProviderRefusal> {
  const { target, stepUp } = request;
  // Only a user can give more scopes. A credential for everybody has those of its document.
  if (stepUp !== undefined && !mayStepUp(target.provider.spec))
    return { type: 'refused', reason: 'scope_beyond_limit' };
  const lease = await leaseByKind(request, context);
  return lease.type === 'granted' ? withAddOns(lease, target, context) : lease;
}

/** The one switch over the kinds. A new kind is a file in `kinds/` and a line here. */
async function leaseByKind(
  request: CredentialRequest,
  context: CredentialContext,
): Promise<ProviderLease | ProviderRefusal> {
  const { spec } = request.target.provider;
  switch (spec.type) {
    case 'none':
      return leaseNothing();
    case 'gateway-token':
      return leaseGatewayToken(request, spec, context);
    case 'cloud':
      return leaseCloudCredential(request, spec, context);
    case 'mcp-user-oauth':
    case 'oauth-user':
      return leaseUserConnection(request, context.userConnections);
    case 'oauth-shared':
      return leaseSharedConnection(request, context.userConnections);
    case 'client-credentials':
      return leaseWithClientCredentials(request, spec, context);
    case 'token-exchange':
      return leaseByTokenExchange(request, spec, context);
    case 'id-jag':
      return leaseByIdJag(request, spec, context);
    case 'static':
      return leaseStaticSecret(request, spec, context);
  }
}
