import { Document } from '@sallyport/configuration';
import { startGatewayWorld, testUser } from './gateway-world.js';
import type { GatewayWorld, Leasing, TestUser } from './gateway-world.js';
import { startStubServer } from './stub-server.js';
import type { StubServer } from './stub-server.js';
import type { GatewayConfig } from '../../index.js';

export interface TwoServers {
  readonly world: GatewayWorld;
  readonly notes: StubServer;
  readonly mail: StubServer;
  readonly documents: readonly Document[];
  readonly granting: Leasing;
  credential(server: string, user: { userId: string }): string;
  /** Somebody both servers know. */
  newUser(subject: string): TestUser;
  close(): Promise<void>;
}

/** A gateway before two servers: `notes` grants everything but `secret`, `mail` only `whoami`. */
export async function startTwoServers(
  overrides: Partial<GatewayConfig> = {},
  { timeout = '60s' } = {}, // a call that hangs does so until the test ends it, also where all else is slow
): Promise<TwoServers> {
  const [notes, mail] = await Promise.all([startStubServer(), startStubServer()]);
  const documents = [
    { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', http: true }] } },
    { kind: 'McpServer', name: 'notes', spec: { url: notes.url, title: 'Notes', timeout } },
    { kind: 'McpServer', name: 'mail', spec: { url: mail.url, timeout } },
    { kind: 'CredentialProvider', name: 'notes-users', spec: { type: 'mcp-user-oauth', server: 'notes' } },
    { kind: 'CredentialProvider', name: 'mail-users', spec: { type: 'mcp-user-oauth', server: 'mail' } },
    { kind: 'AccessPolicy', name: 'everyone', spec: { hop: 'client-to-gateway' } },
    {
      kind: 'AccessPolicy',
      name: 'notes',
      spec: {
        hop: 'gateway-to-server',
        server: 'notes',
        credentialProvider: 'notes-users',
        tools: [{ match: ['*'] }, { match: ['secret'], roles: ['boss'] }],
        resources: [{ match: ['note://**'] }],
      },
    },
    {
      kind: 'AccessPolicy',
      name: 'mail',
      spec: {
        hop: 'gateway-to-server',
        server: 'mail',
        credentialProvider: 'mail-users',
        tools: [{ match: ['whoami'] }],
        resources: [],
      },
    },
  ].map((document) => Document.parse(document));
  const credential = (server: string, user: { userId: string }) => `Bearer downstream+${server}/${user.userId}`;
  const granting: Leasing = ({ server }, user) => ({
    type: 'granted',
    headers: { authorization: credential(server, user) },
    connectionId: `con_${server}_${user.userId}`,
    connectionRevision: 1,
    expiresInSeconds: 600,
  });
  const world = await startGatewayWorld(documents, overrides);
  world.leasing = granting;
  return {
    world,
    notes,
    mail,
    documents,
    granting,
    credential,
    newUser(subject) {
      const user = testUser(subject);
      notes.bearers.set(credential('notes', user), subject);
      mail.bearers.set(credential('mail', user), subject);
      return user;
    },
    async close() {
      await world.close();
      await Promise.all([notes.close(), mail.close()]);
    },
  };
}
