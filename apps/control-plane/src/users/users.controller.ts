import { Controller, Inject, NotFoundException } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import type { RevocationIndex } from '@sallyport/configuration';
import type { Database } from '@sallyport/database';
import { Serve } from '../admin/serve.js';

export const USER_LIST = Symbol('user list');
export interface UserListContext {
  /** Tables of the authorization server and of the connection store; they are only read here. */
  readonly database: Pick<Database, 'user' | 'agentSession' | 'connection'>;
  readonly revocations: () => Pick<RevocationIndex, 'isRevoked'>;
}
type UserRow = NonNullable<Awaited<ReturnType<Database['user']['findUnique']>>>;

/** Tells who has signed in, and what they have here: read before revoking (R85). */
@Controller()
export class UsersController {
  constructor(@Inject(USER_LIST) private readonly context: UserListContext) {}

  /** `next` is what to ask with as `before` to read on; `null` at the end. */
  @Serve(routes.listUsers)
  async list({ query }: Asked<'listUsers'>): Promise<Answered<'listUsers'>> {
    const { trustProvider, email, group, before, limit } = query;
    const rows = await this.context.database.user.findMany({
      where: {
        ...(trustProvider !== undefined && { trustProvider }),
        ...(email !== undefined && { email }),
        ...(group !== undefined && { groups: { has: group } }),
        ...(before !== undefined && { id: { lt: before } }),
      },
      orderBy: { id: 'desc' },
      take: limit,
    });
    return { users: await this.#shown(rows), next: rows.length === limit ? (rows.at(-1)?.id ?? null) : null };
  }

  @Serve(routes.readUser)
  async read({ params: { id } }: Asked<'readUser'>): Promise<Answered<'readUser'>> {
    const row = await this.context.database.user.findUnique({ where: { id } });
    const [user] = row === null ? [] : await this.#shown([row]);
    if (user === undefined) throw new NotFoundException('There is no such user.');
    return user;
  }

  async #shown(rows: readonly UserRow[]): Promise<Answered<'listUsers'>['users']> {
    const userId = { in: rows.map(({ id }) => id) };
    const [sessions, connections] = await Promise.all([this.#liveSessions(userId), this.#connections(userId)]);
    return rows.map(({ id, trustProvider, subject, name, email, groups, providerRoles, createdAt, lastSignInAt }) => ({
      id,
      trustProvider,
      subject,
      name,
      email,
      groups,
      providerRoles,
      firstSignInAt: createdAt.toISOString(),
      lastSignInAt: lastSignInAt.toISOString(),
      sessions: sessions.get(id) ?? 0,
      connections: connections.get(id) ?? 0,
    }));
  }

  /** A session that was revoked counts no more, also before the authorization server has ended it. */
  async #liveSessions(userId: { in: string[] }): Promise<ReadonlyMap<string, number>> {
    const rows = await this.context.database.agentSession.findMany({
      where: { userId, endedAt: null },
      select: { userId: true, clientId: true, sid: true, createdAt: true },
    });
    const revocations = this.context.revocations();
    const counts = new Map<string, number>();
    for (const { createdAt, ...session } of rows)
      if (!revocations.isRevoked({ ...session, issuedAt: Math.floor(createdAt.getTime() / 1000) }))
        counts.set(session.userId, (counts.get(session.userId) ?? 0) + 1);
    return counts;
  }

  async #connections(userId: { in: string[] }): Promise<ReadonlyMap<string | null, number>> {
    const counted = await this.context.database.connection.groupBy({
      by: ['userId'],
      where: { userId },
      _count: { id: true },
    });
    return new Map(counted.map(({ userId: of, _count: { id } }) => [of, id]));
  }
}
