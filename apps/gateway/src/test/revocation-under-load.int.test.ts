import { newId } from '@sallyport/kernel';
import { eventually } from '@sallyport/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startTwoServers } from './world/two-servers.js';
import type { TwoServers } from './world/two-servers.js';

let place: TwoServers;
beforeAll(async () => {
  place = await startTwoServers();
});
afterEach(() => {
  place.notes.misbehave = undefined;
});
afterAll(async () => await place?.close());

const whoami = modernRequest('tools/call', { name: 'notes__whoami', arguments: {} });
/** Of one user's: how long from the revocation until a new request is refused, and until a call that runs has its answer. */
async function measured(subject: string): Promise<{ readonly refusedMs: number; readonly endedMs: number }> {
  const user = place.newUser(subject);
  const bearer = place.credential('notes', user);
  const token = await place.world.token(user);
  await postByHand(place.world.url, token, whoami);
  // Only this user's calls hang: the others' go on.
  place.notes.misbehave = ({ headers, body }) =>
    headers.authorization === bearer && body.method === 'tools/call' ? 'hang' : undefined;
  const seen = () =>
    place.notes.seen.filter(({ headers, body }) => headers.authorization === bearer && body.method === 'tools/call')
      .length;
  const before = seen();
  const running = postByHand(place.world.url, token, whoami).then(() => performance.now());
  await eventually(() => seen() > before, { until: 'the call runs', timeoutMs: 30_000 });
  const revoked = performance.now();
  await place.world.change({
    revocations: [
      {
        id: newId('rev'),
        subject: { type: 'user', userId: user.userId },
        notBefore: Math.floor(Date.now() / 1000) + 60,
        expiresAt: null,
      },
    ],
  });
  await eventually(
    async () => (await postByHand(place.world.url, token, modernRequest('server/discover'))).status === 401,
    { until: 'new requests are refused', timeoutMs: 30_000, intervalMs: 5 },
  );
  const refused = performance.now();
  return { refusedMs: refused - revoked, endedMs: (await running) - revoked };
}

/** Agents of so many other users, each of which asks again as soon as it is answered. */
async function underLoad<T>(
  users: number,
  work: () => Promise<T>,
): Promise<{
  readonly result: T;
  /** Of the load's own calls, in milliseconds. */ readonly latencies: readonly number[];
}> {
  let isOver = false;
  const latencies: number[] = [];
  const agents = Array.from({ length: users }, async (_none, index) => {
    const token = await place.world.token(place.newUser(`load-${index}`));
    while (!isOver) {
      const since = performance.now();
      const answer = await postByHand(place.world.url, token, whoami);
      if (answer.status !== 200) throw new Error(`the load is refused: ${answer.status}`);
      latencies.push(performance.now() - since);
    }
  });
  await eventually(() => latencies.length > users, { until: 'everybody was answered', timeoutMs: 30_000 });
  try {
    return { result: await work(), latencies };
  } finally {
    isOver = true;
    await Promise.all(agents);
  }
}

test(
  'a revocation refuses what is new and ends what runs within a second, while other users keep the gateway busy (S17, S28)',
  { timeout: 120_000 },
  async () => {
    const { result: times, latencies } = await underLoad(12, async () => {
      const rounds: number[] = [];
      for (let round = 0; round < 3; round++) {
        const { refusedMs, endedMs } = await measured(`revoked-${round}`);
        rounds.push(refusedMs, endedMs);
      }
      return rounds;
    });
    const usualMs = latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length / 2)] ?? Infinity;
    // Whoever measures waits among the load: a machine that is slow of itself is allowed what a few calls take on it.
    expect(Math.max(...times)).toBeLessThan(1_000 + 5 * usualMs);
  },
);
