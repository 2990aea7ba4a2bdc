import { leaseUserConnection, type UserConnectionContext } from './mcp-user-oauth.js';
import type { ProviderLease, ProviderRefusal } from './provider-lease.js';
import type { UserConnectionWish } from './usable-connection.js';

/**
 * `oauth-shared`: one account at the server for everybody a policy allows, authorized once by an administrator (R41). Refreshed
 * and pinned like a user's own; a user can mend nothing about it, and so is sent nowhere.
 */
export async function leaseSharedConnection(
  wish: Omit<UserConnectionWish, 'stepUp'>,
  context: UserConnectionContext,
): Promise<Exclude<ProviderLease, { type: 'connect_required' }> | ProviderRefusal> {
  const lease = await leaseUserConnection(wish, context);
  if (lease.type !== 'connect_required') return lease;
  const reason = lease.reason === 'needs_reconnect' ? 'shared_account_to_reconnect' : 'shared_account_not_connected';
  return {
    type: 'refused',
    reason,
    message: 'The shared account at this server is not connected. An administrator can connect it.',
  };
}
