import type { RevocationRequest } from '@sallyport/admin-api';
import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { RevocationSubject } from '@sallyport/configuration/log';
import type { Database } from '@sallyport/database';
import type { ConfigurationPublisher } from '../configuration/configuration-publisher.js';
import { publishedInTime } from '../configuration/published-in-time.js';
import type { RecordEvent } from '@sallyport/trail';
import type { ConnectionConsents } from '../credentials/consents/connection-consents.js';
import { connectionsToEnd, type ConnectionsToEndContext } from './connections-to-end.js';
import type { PostgresRevocationStore, RecordedRevocation } from './revocation-store.js';

export type RevocationResult =
  | {
      type: 'revoked';
      revocation: RecordedRevocation;
      /** How many connections went with it. */ disconnected: number;
    }
  /** Refused: a typing error would otherwise look like a success. */
  | { type: 'unknown_subject'; what: 'user' | 'session' | 'server' | 'credential provider' }
  /** Recorded, but the bus cannot be reached; it follows by itself. */
  | { type: 'not_published'; revocation: RecordedRevocation };

export interface RevokerParts {
  readonly database: ConnectionsToEndContext['database'] & Pick<Database, 'user'>;
  readonly store: PostgresRevocationStore;
  readonly publisher: Pick<ConfigurationPublisher, 'flush'>;
  readonly lifecycle: RecordEvent;
  readonly revocations: ConnectionsToEndContext['revocations'];
  readonly snapshot: () => Pick<ConfigurationSnapshot, 'get'>;
  readonly consents: Pick<ConnectionConsents, 'withdrawFrom'>;
  /** Removes connections, and has them revoked upstream. */
  readonly disconnectAll: (ids: readonly string[], reason: string) => Promise<number>;
}

/** Takes an administrator's revocation from request to bus (R85, S28). */
export class Revoker {
  readonly #parts: RevokerParts;

  constructor(parts: RevokerParts) {
    this.#parts = parts;
  }

  /**
   * Voids everything of the user, agent or session, or everything leased for the server or from the credential
   * provider. Then removes the connections that end with it and queues them for revocation at their providers (R82,
   * R83). A caller may repeat it after an interruption between the two.
   * @param by users end sessions of their own; an administrator's revocation never waits for those (S34)
   */
  async revoke(request: RevocationRequest, by: 'administrator' | 'user' = 'administrator'): Promise<RevocationResult> {
    const { user, agent, session, server, credentialProvider, block = false, reason } = request;
    const { store, publisher, lifecycle } = this.#parts;
    const unknown = await this.#unknownIn(request);
    if (unknown !== undefined) return { type: 'unknown_subject', what: unknown };

    const revocation =
      by === 'user' && session !== undefined
        ? await store.endSession(session, reason ?? '')
        : await store.revoke(subjectOf(request), { block, reason });
    const published = await publishedInTime(publisher);
    const disconnected = await this.#endConnections(request);
    await lifecycle({
      type: 'revocation.created',
      ...(user !== undefined && { userId: user }),
      ...(agent !== undefined && { clientId: agent }),
      ...(session !== undefined && { sid: session }),
      ...(server !== undefined && { server }),
      ...(reason !== undefined && { reason }),
      detail: {
        revocationId: revocation.id,
        revision: revocation.revision,
        subject: revocation.subject.type,
        block,
        disconnected,
        ...(credentialProvider !== undefined && { credentialProvider }),
      },
    });
    return published ? { type: 'revoked', revocation, disconnected } : { type: 'not_published', revocation };
  }

  /** Whatever is left of a server or provider that was removed is its connections: those can still be ended. */
  async #unknownIn({
    user,
    session,
    server,
    credentialProvider,
  }: RevocationRequest): Promise<Extract<RevocationResult, { type: 'unknown_subject' }>['what'] | undefined> {
    const { database, snapshot } = this.#parts;
    const hasConnection = async (where: { server: string } | { credentialProvider: string }) =>
      (await database.connection.findFirst({ where, select: { id: true } })) !== null;
    if (user !== undefined && !(await database.user.findUnique({ where: { id: user }, select: { id: true } })))
      return 'user';
    if (
      session !== undefined &&
      !(await database.agentSession.findUnique({ where: { sid: session }, select: { sid: true } }))
    )
      return 'session';
    if (server !== undefined && !snapshot().get('McpServer', server) && !(await hasConnection({ server })))
      return 'server';
    if (
      credentialProvider !== undefined &&
      !snapshot().get('CredentialProvider', credentialProvider) &&
      !(await hasConnection({ credentialProvider }))
    )
      return 'credential provider';
    return undefined;
  }

  async #endConnections({
    user: userId,
    agent: clientId,
    session,
    server,
    credentialProvider,
    connections = 'unused',
  }: RevocationRequest): Promise<number> {
    const { database, consents, disconnectAll } = this.#parts;
    if (session !== undefined || connections === 'none') return 0;
    if (server !== undefined || credentialProvider !== undefined) {
      const where = server === undefined ? { credentialProvider: credentialProvider ?? '' } : { server };
      const found = await database.connection.findMany({ where, select: { id: true } });
      return disconnectAll(
        found.map(({ id }) => id),
        server === undefined ? 'credential_provider_revoked' : 'server_revoked',
      );
    }
    const ids = await connectionsToEnd({ userId, clientId }, connections, this.#parts);
    if (clientId !== undefined) await consents.withdrawFrom({ clientId, userId });
    return disconnectAll(ids, clientId === undefined ? 'user_revoked' : 'agent_revoked');
  }
}

function subjectOf({ user, agent, session, server, credentialProvider }: RevocationRequest): RevocationSubject {
  if (session !== undefined) return { type: 'session', sid: session };
  if (server !== undefined) return { type: 'server', server };
  if (credentialProvider !== undefined) return { type: 'credential-provider', credentialProvider };
  if (user !== undefined && agent !== undefined) return { type: 'user-agent', userId: user, clientId: agent };
  if (user !== undefined) return { type: 'user', userId: user };
  return { type: 'agent', clientId: agent ?? '' };
}
