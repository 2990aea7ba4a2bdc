import type { RevocationSubject } from '@sallyport/configuration';
import type { Database } from '@sallyport/database';
import { z } from 'zod';
import { text } from '../admin/text.js';
import type { ConfigurationPublisher } from '../configuration/configuration-publisher.js';
import { publishedInTime } from '../configuration/published-in-time.js';
import type { LifecycleRecorder } from '../events/record-lifecycle.js';
import type { ConnectionConsents } from '../connect/connection-consents.js';
import { connectionsToEnd, type ConnectionsToEndContext } from './connections-to-end.js';
import type { PostgresRevocationStore, RecordedRevocation } from './revocation-store.js';

export const RevocationRequest = z
  .strictObject({
    user: text(64).optional(),
    /** The agent's client id. */
    agent: text(2048).optional(),
    session: text(64).optional(),
    /** Also refuse what is issued from now on; for users and agents. */
    block: z.boolean().optional(),
    /** Of an agent, which connections of its users end with it: those no other live agent uses (`unused`, unless said), `all` it may use, or `none`. A user's end all, or `none`. */
    connections: z.enum(['unused', 'all', 'none']).optional(),
    reason: text(500).optional(),
  })
  .refine(
    ({ user, agent, session }) => (session === undefined) !== (user === undefined && agent === undefined),
    'name a user, an agent, both, or a session',
  )
  .refine(({ session, connections }) => session === undefined || connections === undefined, {
    path: ['connections'],
    message: 'are not touched by the end of one session: leave it out',
  })
  .refine(({ session, block }) => !(session !== undefined && block), {
    path: ['block'],
    message: 'a session never comes back anyway: leave it out',
  });

export type RevocationResult =
  | {
      outcome: 'revoked';
      revocation: RecordedRevocation;
      /** How many connections went with it. */ disconnected: number;
    }
  /** Refused: a typing error would otherwise look like a success. */
  | { outcome: 'unknown-subject'; what: 'user' | 'session' }
  /** Recorded, but the bus cannot be reached; it follows by itself. */
  | { outcome: 'not-published'; revocation: RecordedRevocation };

export interface RevokerParts {
  readonly database: ConnectionsToEndContext['database'] & Pick<Database, 'user'>;
  readonly store: PostgresRevocationStore;
  readonly publisher: Pick<ConfigurationPublisher, 'flush'>;
  readonly lifecycle: LifecycleRecorder;
  readonly revocations: ConnectionsToEndContext['revocations'];
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
   * Everything of a user or agent is void first; then the connections that end with them are removed here and queued for
   * their providers (R82, R83). Safe to repeat, should it be interrupted between the two.
   * @param by a user ends sessions of their own, which an administrator's revocations never wait for (S34).
   * @throws {z.ZodError} when the request is not one.
   */
  async revoke(request: unknown, by: 'administrator' | 'user' = 'administrator'): Promise<RevocationResult> {
    const { user, agent, session, block, reason, connections = 'unused' } = RevocationRequest.parse(request);
    const { database, store, publisher, lifecycle } = this.#parts;
    if (user !== undefined && !(await database.user.findUnique({ where: { id: user }, select: { id: true } })))
      return { outcome: 'unknown-subject', what: 'user' };
    if (
      session !== undefined &&
      !(await database.agentSession.findUnique({ where: { sid: session }, select: { sid: true } }))
    )
      return { outcome: 'unknown-subject', what: 'session' };

    const revocation =
      by === 'user' && session !== undefined
        ? await store.endSession(session, reason ?? '')
        : await store.revoke(subjectOf({ user, agent, session }), { block, reason });
    const published = await publishedInTime(publisher);
    const disconnected =
      session === undefined && connections !== 'none'
        ? await this.#endConnections({ userId: user, clientId: agent }, connections)
        : 0;
    await lifecycle({
      type: 'revocation.created',
      ...(user !== undefined && { userId: user }),
      ...(agent !== undefined && { clientId: agent }),
      ...(session !== undefined && { sid: session }),
      ...(reason !== undefined && { reason }),
      detail: {
        revocationId: revocation.id,
        revision: revocation.revision,
        subject: revocation.subject.type,
        block: block ?? false,
        disconnected,
      },
    });
    return published ? { outcome: 'revoked', revocation, disconnected } : { outcome: 'not-published', revocation };
  }

  async #endConnections(
    subject: { userId: string | undefined; clientId: string | undefined },
    which: 'unused' | 'all',
  ): Promise<number> {
    const { consents, disconnectAll } = this.#parts;
    const ids = await connectionsToEnd(subject, which, this.#parts);
    const { userId, clientId } = subject;
    if (clientId !== undefined) await consents.withdrawFrom({ clientId, userId });
    return disconnectAll(ids, clientId === undefined ? 'user_revoked' : 'agent_revoked');
  }
}

function subjectOf({
  user,
  agent,
  session,
}: {
  user: string | undefined;
  agent: string | undefined;
  session: string | undefined;
}): RevocationSubject {
  if (session !== undefined) return { type: 'session', sid: session };
  if (user !== undefined && agent !== undefined) return { type: 'user-agent', userId: user, clientId: agent };
  if (user !== undefined) return { type: 'user', userId: user };
  return { type: 'agent', clientId: agent ?? '' };
}
