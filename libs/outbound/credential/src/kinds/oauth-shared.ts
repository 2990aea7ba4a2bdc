import { leaseUserConnection, type UserConnectionContext } from './mcp-user-oauth.js';
import type { ProviderLease, ProviderRefusal } from '../provider-lease.js';
import type { CredentialRequest } from '../credential-request.js';

/**
 * `oauth-shared`: one account at the server for everybody a policy allows, connected once by an administrator (R41). It
 * is refreshed and pinned like a user's own. A user cannot connect it, so no connect page is named.
 */
export async function leaseSharedConnection(
  request: Omit<CredentialRequest, 'stepUp'>,
  context: UserConnectionContext,
): Promise<Exclude<ProviderLease, { type: 'connect_required' }> | ProviderRefusal> {
  const lease = await leaseUserConnection(request, context);
  if (lease.type !== 'connect_required') return lease;
  const reason = lease.reason === 'needs_reconnect' ? 'shared_account_to_reconnect' : 'shared_account_not_connected';
  return {
    type: 'refused',
    reason,
    message: 'The shared account at this server is not connected. An administrator can connect it.',
  };
}
