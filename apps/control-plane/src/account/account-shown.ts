import type { Shown } from '@sallyport/authorization';
import type { AccountAgent, AccountServer } from './read-account.js';

/** What the account page shows of what each of its buttons does (security rule S35). */
export const accountShown = {
  connect: ({ server, title, host, credentialProvider, connection }: AccountServer): Shown => ({
    server,
    title,
    host,
    credentialProvider,
    account: connection?.accountName ?? null,
    connection: connection?.id ?? null,
  }),
  disconnect: ({ server, title, host, connection }: AccountServer): Shown => ({
    server,
    title,
    host,
    account: connection?.accountName ?? null,
    connection: connection?.id ?? null,
  }),
  endSession: ({ sid, clientId, agentName, redirectHost }: AccountAgent): Shown => ({
    sid,
    clientId,
    agentName,
    redirectHost,
  }),
};
