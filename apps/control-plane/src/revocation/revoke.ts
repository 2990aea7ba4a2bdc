import type { RevocationSubject } from '@sallyport/configuration';
import type { Database } from '@sallyport/database';
import { z } from 'zod';
import { text } from '../admin/text.js';
import type { ConfigurationPublisher } from '../configuration/configuration-publisher.js';
import { publishedInTime } from '../configuration/published-in-time.js';
import type { LifecycleRecorder } from '../events/record-lifecycle.js';
import type { PostgresRevocationStore, RecordedRevocation } from './revocation-store.js';

export const RevocationRequest = z
  .strictObject({
    user: text(64).optional(),
    /** The agent's client id. */
    agent: text(2048).optional(),
    session: text(64).optional(),
    /** Also refuse what is issued from now on; for users and agents. */
    block: z.boolean().optional(),
    reason: text(500).optional(),
  })
  .refine(({ user, agent, session }) => (session === undefined) !== (user === undefined && agent === undefined), 'name a user, an agent, both, or a session')
  .refine(({ session, block }) => !(session !== undefined && block), { path: ['block'], message: 'a session never comes back anyway: leave it out' });

export type RevocationResult =
  | { outcome: 'revoked'; revocation: RecordedRevocation }
  /** Refused: a typing error would otherwise look like a success. */
  | { outcome: 'unknown-subject'; what: 'user' | 'session' }
  /** Recorded, but the bus cannot be reached; it follows by itself. */
  | { outcome: 'not-published'; revocation: RecordedRevocation };

/** Takes an administrator's revocation from request to bus (R85, S28). */
export class Revoker {
  readonly #database: Pick<Database, 'user' | 'agentSession'>;
  readonly #store: PostgresRevocationStore;
  readonly #publisher: Pick<ConfigurationPublisher, 'flush'>;
  readonly #lifecycle: LifecycleRecorder;

  constructor(parts: { database: Pick<Database, 'user' | 'agentSession'>; store: PostgresRevocationStore; publisher: Pick<ConfigurationPublisher, 'flush'>; lifecycle: LifecycleRecorder }) {
    this.#database = parts.database;
    this.#store = parts.store;
    this.#publisher = parts.publisher;
    this.#lifecycle = parts.lifecycle;
  }

  /** @throws {z.ZodError} when the request is not one. */
  async revoke(request: unknown): Promise<RevocationResult> {
    const { user, agent, session, block, reason } = RevocationRequest.parse(request);
    if (user !== undefined && !(await this.#database.user.findUnique({ where: { id: user }, select: { id: true } }))) return { outcome: 'unknown-subject', what: 'user' };
    if (session !== undefined && !(await this.#database.agentSession.findUnique({ where: { sid: session }, select: { sid: true } }))) return { outcome: 'unknown-subject', what: 'session' };

    const revocation = await this.#store.revoke(subjectOf({ user, agent, session }), { block, reason });
    const published = await publishedInTime(this.#publisher);
    await this.#lifecycle({
      type: 'revocation.created',
      ...(user !== undefined && { userId: user }),
      ...(agent !== undefined && { clientId: agent }),
      ...(session !== undefined && { sid: session }),
      ...(reason !== undefined && { reason }),
      detail: { revocationId: revocation.id, revision: revocation.revision, subject: revocation.subject.type, block: block ?? false },
    });
    return { outcome: published ? 'revoked' : 'not-published', revocation };
  }
}

function subjectOf({ user, agent, session }: { user: string | undefined; agent: string | undefined; session: string | undefined }): RevocationSubject {
  if (session !== undefined) return { type: 'session', sid: session };
  if (user !== undefined && agent !== undefined) return { type: 'user-agent', userId: user, clientId: agent };
  if (user !== undefined) return { type: 'user', userId: user };
  return { type: 'agent', clientId: agent ?? '' };
}
