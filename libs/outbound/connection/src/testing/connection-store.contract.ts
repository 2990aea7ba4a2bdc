import { deepEqual, equal } from 'node:assert/strict';
import { newId } from '@sallyport/kernel';
import type { ConnectionStore, NewConnection } from '../connection-store.js';

export function aConnection(changes: Partial<NewConnection> = {}): NewConnection {
  return {
    id: newId('con'),
    userId: newId('usr'),
    server: 'notes',
    credentialProvider: 'notes-per-user',
    state: 'connected',
    revision: 1,
    issuer: 'https://as.notes.example',
    resource: 'https://notes.example/mcp',
    tokenEndpoint: 'https://as.notes.example/token',
    revocationEndpoint: null,
    targetOrigin: 'https://notes.example',
    clientId: 'client-1',
    scopes: ['notes.read'],
    sealedCredential: Uint8Array.of(1, 2, 3),
    accessExpiresAt: 2_000_000,
    refreshDueAt: 1_000_000,
    refreshFailures: 0,
    accountId: 'account-1',
    accountName: 'alice@notes.example',
    ...changes,
  };
}

const successor = {
  sealedCredential: Uint8Array.of(9),
  accessExpiresAt: 3_000_000,
  scopes: ['notes.read'],
  state: 'connected',
  refreshDueAt: 2_500_000,
  refreshFailures: 0,
} as const;
const MINUTE_MS = 60_000;
const putOff = { state: 'misconfigured', refreshDueAt: 1_100_000, refreshFailures: 1, isAnswered: true } as const;

/** A lock that is over, by whatever clock the store has. */
async function takeLapsedLock(store: ConnectionStore, id: string, owner: string): Promise<void> {
  equal((await store.takeRefreshLock(id, owner, -1)).type, 'taken');
}

/** What every ConnectionStore promises. Each case gets a store that no other case writes the same rows of. */
export const connectionStoreContract: readonly {
  readonly title: string;
  check(store: ConnectionStore): Promise<void>;
}[] = [
  {
    title: 'returns what was stored, to the millisecond and the byte',
    async check(store) {
      const connection = aConnection();
      equal(await store.create(connection), true);
      const found = await store.find(connection.id);
      const { createdAt, updatedAt, lastUsedAt, ...stored } = found ?? { createdAt: 0, updatedAt: 0, lastUsedAt: 0 };
      equal(typeof createdAt + typeof updatedAt, 'numbernumber');
      equal(lastUsedAt, null);
      deepEqual(
        { ...stored, sealedCredential: [...(found?.sealedCredential ?? [])] },
        { ...connection, sealedCredential: [1, 2, 3] },
      );
      equal((await store.findFor(connection.userId ?? '', 'notes'))?.id, connection.id);
      equal(await store.findFor(newId('usr'), 'notes'), undefined);
    },
  },
  {
    title: 'one user has one connection per server, another user another (R34) (R39)',
    async check(store) {
      const first = aConnection();
      equal(await store.create(first), true);
      equal(await store.create(aConnection({ userId: first.userId })), false);
      equal(await store.create(aConnection({ userId: first.userId, server: 'mail' })), true);
      equal(await store.create(aConnection()), true);
      equal((await store.findFor(first.userId ?? '', 'notes'))?.id, first.id);
    },
  },
  {
    title: 'everybody shares one connection per server and provider, beside which each user may have their own (R41)',
    async check(store) {
      const server = newId('con').slice(-20);
      const shared = aConnection({ userId: null, server, credentialProvider: 'shared' });
      equal(await store.create(shared), true);
      equal(await store.create(aConnection({ userId: null, server, credentialProvider: 'shared' })), false);
      equal(await store.create(aConnection({ userId: null, server, credentialProvider: 'another' })), true);
      equal(await store.create(aConnection({ server, credentialProvider: 'shared' })), true);
      equal((await store.findShared(server, 'shared'))?.id, shared.id);
      equal(await store.findShared(server, 'none'), undefined);
    },
  },
  {
    title: 'replaces only the revision that was seen, and drops the refresh lock',
    async check(store) {
      const first = aConnection();
      await store.create(first);
      await store.takeRefreshLock(first.id, 'a', MINUTE_MS);
      await store.renewRefreshLock(first.id, { owner: 'a', expectedRevision: 1 }, MINUTE_MS);
      equal(await store.replace({ ...first, revision: 2, clientId: 'client-2' }, 7), false);
      equal(await store.replace({ ...first, revision: 2, clientId: 'client-2' }, 1), true);
      equal((await store.find(first.id))?.clientId, 'client-2');
      equal(await store.saveSuccessor(first.id, { owner: 'a', expectedRevision: 1 }, successor), false);
      equal(await store.saveSuccessor(first.id, { owner: 'a', expectedRevision: 2 }, successor), false);
      equal(await store.renewRefreshLock(first.id, { owner: 'a', expectedRevision: 2 }, MINUTE_MS), false);
      const lock = await store.takeRefreshLock(first.id, 'b', MINUTE_MS);
      equal(lock.type === 'taken' && lock.unansweredForMs, null);
    },
  },
  {
    title: 'gives the refresh lock to one of many who ask at once, and to the next when its time is over (B3)',
    async check(store) {
      const connection = aConnection();
      await store.create(connection);
      const results = await Promise.all(
        ['a', 'b', 'c', 'd', 'e'].map((owner) => store.takeRefreshLock(connection.id, owner, MINUTE_MS)),
      );
      deepEqual(results.map((result) => result.type).toSorted(), ['held', 'held', 'held', 'held', 'taken']);
      equal((await store.takeRefreshLock(newId('con'), 'f', MINUTE_MS)).type, 'gone');
      const other = aConnection();
      await store.create(other);
      await takeLapsedLock(store, other.id, 'dead');
      equal((await store.takeRefreshLock(other.id, 'next', MINUTE_MS)).type, 'taken');
      equal((await store.takeRefreshLock(other.id, 'third', MINUTE_MS)).type, 'held');
    },
  },
  {
    title: 'lets the owner, and nobody else, hold the refresh lock for longer, upon the revision it saw (B3)',
    async check(store) {
      const connection = aConnection();
      await store.create(connection);
      await takeLapsedLock(store, connection.id, 'owner');
      const fence = { owner: 'owner', expectedRevision: 1 };
      equal(await store.renewRefreshLock(connection.id, { ...fence, owner: 'other' }, MINUTE_MS), false);
      equal(await store.renewRefreshLock(connection.id, { ...fence, expectedRevision: 2 }, MINUTE_MS), false);
      equal(await store.renewRefreshLock(connection.id, fence, MINUTE_MS), true);
      equal((await store.takeRefreshLock(connection.id, 'next', MINUTE_MS)).type, 'held');
      equal(await store.renewRefreshLock(connection.id, fence, -1), true);
      equal((await store.takeRefreshLock(connection.id, 'next', MINUTE_MS)).type, 'taken');
      equal(await store.renewRefreshLock(connection.id, fence, MINUTE_MS), false);
      await store.releaseRefreshLock(connection.id, 'next');
      equal(await store.renewRefreshLock(connection.id, fence, MINUTE_MS), false);
    },
  },
  {
    title:
      'knows of a refresh token that was sent and never answered, until an answer is stored, and that it is due (B3)',
    async check(store) {
      const connection = aConnection({ refreshDueAt: Date.now() + MINUTE_MS });
      await store.create(connection);
      const fence = (owner: string, expectedRevision = 1) => ({ owner, expectedRevision });
      const unanswered = async (owner: string) => {
        const lock = await store.takeRefreshLock(connection.id, owner, MINUTE_MS);
        return lock.type === 'taken' ? lock.unansweredForMs : lock.type;
      };
      equal(await unanswered('a'), null);
      await store.renewRefreshLock(connection.id, fence('a'), -1);
      equal(((await store.find(connection.id))?.refreshDueAt ?? Number.POSITIVE_INFINITY) <= Date.now(), true);
      const age = await unanswered('b');
      equal(typeof age === 'number' && age >= 0 && age < MINUTE_MS, true);
      equal(await store.saveState(connection.id, fence('b'), { ...putOff, isAnswered: false }), true);
      equal(typeof (await unanswered('c')), 'number');
      equal(await store.saveState(connection.id, fence('c'), putOff), true);
      equal(await unanswered('d'), null);
      await store.renewRefreshLock(connection.id, fence('d'), MINUTE_MS);
      equal(await store.saveSuccessor(connection.id, fence('d'), successor), true);
      equal(await unanswered('e'), null);
      await store.renewRefreshLock(connection.id, fence('e', 2), MINUTE_MS);
      equal(await store.markNeedsReconnect(connection.id, 2), true);
      equal(await unanswered('f'), null);
    },
  },
  {
    title: 'stores a successor only for the owner of the lock and only upon the revision it saw (B3)',
    async check(store) {
      const connection = aConnection();
      await store.create(connection);
      await takeLapsedLock(store, connection.id, 'late');
      await store.takeRefreshLock(connection.id, 'owner', MINUTE_MS);
      equal(await store.saveSuccessor(connection.id, { owner: 'late', expectedRevision: 1 }, successor), false);
      equal(await store.saveSuccessor(connection.id, { owner: 'owner', expectedRevision: 2 }, successor), false);
      equal(await store.saveSuccessor(connection.id, { owner: 'owner', expectedRevision: 1 }, successor), true);
      const after = await store.find(connection.id);
      deepEqual(
        [after?.revision, after?.accessExpiresAt, after?.refreshDueAt, [...(after?.sealedCredential ?? [])]],
        [2, 3_000_000, 2_500_000, [9]],
      );
      equal((await store.takeRefreshLock(connection.id, 'next', MINUTE_MS)).type, 'taken');
    },
  },
  {
    title: 'keeps the credential when only its state changes, and releases the lock',
    async check(store) {
      const connection = aConnection();
      await store.create(connection);
      await takeLapsedLock(store, connection.id, 'late');
      await store.takeRefreshLock(connection.id, 'owner', MINUTE_MS);
      for (const fence of [
        { owner: 'late', expectedRevision: 1 },
        { owner: 'owner', expectedRevision: 2 },
      ])
        equal(await store.saveState(connection.id, fence, { ...putOff, state: 'needs_reconnect' }), false);
      equal(await store.saveState(connection.id, { owner: 'owner', expectedRevision: 1 }, putOff), true);
      const after = await store.find(connection.id);
      deepEqual(
        [after?.state, after?.revision, after?.refreshFailures, [...(after?.sealedCredential ?? [])]],
        ['misconfigured', 1, 1, [1, 2, 3]],
      );
      equal((await store.takeRefreshLock(connection.id, 'next', MINUTE_MS)).type, 'taken');
      await store.releaseRefreshLock(connection.id, 'somebody else');
      equal((await store.takeRefreshLock(connection.id, 'third', MINUTE_MS)).type, 'held');
      await store.releaseRefreshLock(connection.id, 'next');
      equal((await store.takeRefreshLock(connection.id, 'third', MINUTE_MS)).type, 'taken');
    },
  },
  {
    title: 'marks a connection as to be made again, unless it was already',
    async check(store) {
      const connection = aConnection();
      await store.create(connection);
      equal(await store.markNeedsReconnect(connection.id, 2), false);
      equal(await store.markNeedsReconnect(connection.id, 1), true);
      deepEqual(
        [(await store.find(connection.id))?.state, (await store.find(connection.id))?.refreshDueAt],
        ['needs_reconnect', null],
      );
    },
  },
  {
    title: 'lists what is due and free, the longest overdue first',
    async check(store) {
      const base = 500_000;
      const credentialProvider = newId('con');
      const [late, later, future, locked, gone, endless] = [10, 20, 900, 5, 1, 0].map((offset) =>
        aConnection({ credentialProvider, refreshDueAt: base + offset }),
      ) as [NewConnection, NewConnection, NewConnection, NewConnection, NewConnection, NewConnection];
      for (const connection of [
        later,
        late,
        future,
        locked,
        { ...gone, state: 'needs_reconnect' as const },
        { ...endless, refreshDueAt: null },
      ])
        await store.create(connection);
      await store.takeRefreshLock(locked.id, 'x', MINUTE_MS);
      await takeLapsedLock(store, late.id, 'dead');
      const list = async (limit: number, atMost: number) =>
        (await store.listDue(base + 100, { limit, providers: [{ credentialProvider, atMost }] })).map(({ id }) => id);
      deepEqual(await list(1_000, 1_000), [late.id, later.id]);
      deepEqual([await list(1, 1_000), await list(1_000, 1)], [[late.id], [late.id]]);
    },
  },
  {
    title:
      'lists of each provider no more than is wanted of it, of a paused one at its issuer as little, and those whose token may be spent all the same (B3) (B4)',
    async check(store) {
      const [busy, other, absent] = [newId('con'), newId('con'), newId('con')];
      const [old, renewed] = ['https://old.example', 'https://new.example'];
      const ids: Record<string, string> = {};
      for (const [name, credentialProvider, issuer, refreshDueAt] of [
        ['a', busy, old, 1],
        ['a2', busy, old, 2],
        ['b', busy, renewed, 3],
        ['c', busy, renewed, 4],
        ['c2', busy, renewed, 5],
        ['d', other, old, 6],
        ['absent', absent, old, 0],
        ['sent', busy, old, 7],
      ] as const) {
        const connection = aConnection({ credentialProvider, issuer, refreshDueAt });
        await store.create(connection);
        ids[connection.id] = name;
      }
      const providers = [
        { credentialProvider: busy, atMost: 2 },
        { credentialProvider: other, atMost: 5 },
        { credentialProvider: newId('con'), atMost: 5 },
      ];
      const list = async (atMost: number) =>
        (
          await store.listDue(Date.now(), {
            limit: 100,
            providers,
            except: [{ credentialProvider: busy, issuer: old, atMost }],
          })
        ).map(({ id }) => ids[id]);
      deepEqual(await list(0), ['b', 'c', 'd']);
      deepEqual(await list(1), ['a', 'b', 'c', 'd']);
      const sent = Object.keys(ids).find((id) => ids[id] === 'sent') ?? '';
      await takeLapsedLock(store, sent, 'dead');
      await store.renewRefreshLock(sent, { owner: 'dead', expectedRevision: 1 }, -1);
      deepEqual(await list(0), ['b', 'c', 'd', 'sent']);
    },
  },
  {
    title: 'knows to the minute when each was used last, whatever order calls are told in',
    async check(store) {
      const [one, other] = [aConnection(), aConnection()];
      await store.create(one);
      await store.create(other);
      const used = async () => [(await store.find(one.id))?.lastUsedAt, (await store.find(other.id))?.lastUsedAt];
      await store.markUsed([
        { id: one.id, usedAt: 1_000_000 },
        { id: newId('con'), usedAt: 1 },
      ]);
      deepEqual(await used(), [1_000_000, null]);
      await store.markUsed([
        { id: one.id, usedAt: 1_059_999 },
        { id: other.id, usedAt: 500_000 },
      ]);
      deepEqual(await used(), [1_000_000, 500_000]);
      await store.markUsed([
        { id: one.id, usedAt: 1_060_000 },
        { id: other.id, usedAt: 400_000 },
      ]);
      deepEqual(await used(), [1_060_000, 500_000]);
      await store.markUsed([]);
    },
  },
  {
    title: 'lists without anything sealed, and removes for good',
    async check(store) {
      const connection = aConnection();
      await store.create(connection);
      const [summary] = await store.list({ userId: connection.userId ?? '' });
      equal(summary?.id, connection.id);
      equal(summary !== undefined && 'sealedCredential' in summary, false);
      equal((await store.remove(connection.id, { now: 1_000_000, due: 1_000_000 }))?.id, connection.id);
      equal(await store.remove(connection.id, { now: 1_000_000, due: 1_000_000 }), undefined);
      equal(await store.find(connection.id), undefined);
    },
  },
];
