import { randomBytes } from 'node:crypto';
import { Secret } from '@sallyport/kernel';
import { subjects } from '@sallyport/messages';
import type { ReplicaRequest } from '@sallyport/messages';
import { createInProcessMessaging } from '@sallyport/messaging';
import { beforeEach, describe, expect, test } from 'vitest';
import { StateSealer } from '../session/state-sealer.js';
import { ReplicaLink } from './replica-link.js';

const key = new Secret<Uint8Array>(randomBytes(32));
const answer: ReplicaRequest = { type: 'answer', question: 'q', answer: { result: {} } };
let bus: ReturnType<typeof createInProcessMessaging>;
let now: number;
let taken: [string, ReplicaRequest][];
beforeEach(() => {
  bus = createInProcessMessaging();
  now = 1_800_000_000_000;
  taken = [];
});

const linkOf = (replica: string, sealer = new StateSealer([key])) =>
  new ReplicaLink({ messaging: bus, sealer, replica, clock: () => now });
const take = async (request: ReplicaRequest, from: string) => {
  taken.push([from, request]);
  return true;
};
/** What goes over the bus to `replica`, for somebody who listens in. */
async function overheard(replica: string): Promise<string[]> {
  const heard: string[] = [];
  await bus.peers.serve(replica, async (text) => {
    heard.push(text);
    return '';
  });
  return heard;
}

describe('between replicas', () => {
  test('a request is taken by the replica it is for, and its reply by the asker', async () => {
    await linkOf('one').serve(take);
    expect(await linkOf('two').ask('one', answer, 100)).toEqual({ taken: true });
    expect(taken).toEqual([['two', answer]]);
  });
  test('what is told to all reaches all but the teller', async () => {
    const [one, two, three] = ['one', 'two', 'three'].map((name) => linkOf(name));
    for (const link of [one, two, three]) await link?.serve(take);
    await one?.tellAll({ type: 'cancel', sessionId: 's', requestId: 1 });
    await expect.poll(() => taken.map(([from]) => from)).toEqual(['one', 'one']);
  });
  test('what another version of a gateway says, and nobody here understands, keeps nobody from hearing the rest of it', async () => {
    const problems: string[] = [];
    await new ReplicaLink({
      messaging: bus,
      sealer: new StateSealer([key]),
      replica: 'one',
      clock: () => now,
      onProblem: (problem) => problems.push(problem),
    }).serve(take);
    const older = JSON.parse('{"type":"log-level","sessionId":"s","level":"debug","setAt":1}') as ReplicaRequest;
    await linkOf('two').tellAll(older, { type: 'cancel', sessionId: 's', requestId: 1 });
    await expect.poll(() => taken).toEqual([['two', { type: 'cancel', sessionId: 's', requestId: 1 }]]);
    expect(problems).toEqual(['replica_message_unknown']);
  });
  test('what agents have told within a moment travels together, and says to each teller when it was sent', async () => {
    const [one, two] = ['one', 'two'].map((name) => linkOf(name));
    let messages = 0;
    await bus.broadcast.subscribe(subjects.allGateways, () => void (messages += 1));
    for (const link of [one, two]) await link?.serve(take);
    await Promise.all(
      Array.from({ length: 100 }, async (_none, requestId) => {
        const telling = one?.mayTell(`usr_${requestId}`);
        if (telling !== undefined && 'tell' in telling)
          await telling.tell({ type: 'cancel', sessionId: 's', requestId });
      }),
    );
    await expect.poll(() => taken.length).toBe(100);
    expect([messages, taken[99]]).toEqual([1, ['one', { type: 'cancel', sessionId: 's', requestId: 99 }]]);
  });
  test('what would be more than the bus carries travels in several messages', async () => {
    const [one, two] = ['one', 'two'].map((name) => linkOf(name));
    const sizes: number[] = [];
    await bus.broadcast.subscribe(subjects.allGateways, (text) => void sizes.push(String(text).length));
    await two?.serve(take);
    const uri = `note://${'ü'.repeat(8_000)}`;
    await Promise.all(
      Array.from({ length: 200 }, async (_none, index) => {
        const telling = one?.mayTell('usr_a');
        if (telling !== undefined && 'tell' in telling)
          await telling.tell({
            type: 'subscription',
            sessionId: `s${index}`,
            userId: 'usr_a',
            expiresAt: 1_800_000_000,
            server: 'notes',
            uri,
            isWanted: true,
          });
      }),
    );
    await expect.poll(() => taken.length).toBe(200);
    expect([sizes.length > 1, Math.max(...sizes) < 1024 * 1024]).toEqual([true, true]);
  });
  test('one user has so much told and then waits, while others have theirs told (S32, S34)', () => {
    const link = linkOf('one');
    const may = (userId: string) => 'tell' in link.mayTell(userId);
    expect(Array.from({ length: 1_000 }, () => may('usr_a')).filter(Boolean)).toHaveLength(256);
    expect([link.mayTell('usr_a'), may('usr_b')]).toEqual([{ retryAfterSeconds: 1 }, true]);
    now += 1_000;
    expect(Array.from({ length: 100 }, () => may('usr_a')).filter(Boolean)).toHaveLength(16);
  });
  test('what one user has brought to another gateway counts by its length, and so does the refusal of what is too long (S32, S34)', () => {
    const link = linkOf('one');
    const long = { text: 'x'.repeat(160 * 1024 - 64) };
    const brought = Array.from({ length: 30 }, () => link.mayBring('usr_a', long));
    expect(brought.filter((may) => may === 'may')).toHaveLength(25);
    expect([brought[25], link.mayBring('usr_b', long)]).toEqual([{ retryAfterSeconds: 1 }, 'may']);
    const tooLong = Array.from({ length: 300 }, () => link.mayBring('usr_c', 'x'.repeat(800 * 1024)));
    expect(tooLong.filter((may) => may === 'too-large')).toHaveLength(256);
  });
  test('nobody reads what is said (S16)', async () => {
    const heard = await overheard('one');
    await linkOf('two').ask(
      'one',
      {
        type: 'resume',
        park: 'p',
        exchange: 'e',
        token: 'the-token',
        connectionId: null,
        responses: { secret: 'the-answer' },
        requestId: 1,
      },
      100,
    );
    expect(heard.join()).not.toMatch(/the-token|the-answer/);
  });
  test('nobody without the key is heard, nor believed (S16, S26)', async () => {
    await linkOf('one').serve(take);
    const stranger = linkOf('two', new StateSealer([new Secret<Uint8Array>(randomBytes(32))]));
    expect(await stranger.ask('one', answer, 100)).toBeUndefined();
    await stranger.tellAll(answer);
    await stranger.tellAll({ type: 'proofs-seen', seen: [['A'.repeat(22), 1_800_000_060]] });
    await bus.broadcast.publish(subjects.allGateways, JSON.stringify({ from: 'two', sealed: 'x' }));
    await bus.peers.serve('three', async () => JSON.stringify({ from: 'three', sealed: 'x' }));
    expect(await linkOf('two').ask('three', answer, 100)).toBeUndefined();
    expect(taken).toEqual([]);
  });
  test('a recording is good for nothing: not again, not later, not for another, not in another name, not as a reply (S16, S26)', async () => {
    const heard = await overheard('one');
    await linkOf('two').ask('one', answer, 100);
    await linkOf('two').ask('one', answer, 100);
    const [recorded = '', late = ''] = heard;
    await linkOf('one').serve(take);
    await linkOf('three').serve(take);
    const play = (to: string, text: string) => bus.peers.ask(to, text, { timeoutMs: 100 });
    await play('three', recorded);
    await bus.broadcast.publish(subjects.allGateways, recorded);
    await play('one', JSON.stringify({ ...(JSON.parse(recorded) as object), from: 'three' }));
    expect(taken).toEqual([]);
    await play('one', recorded);
    expect(taken).toHaveLength(1);
    await play('one', recorded);
    now += 31_000;
    await play('one', late);
    expect(taken).toHaveLength(1);
    await bus.peers.serve('four', async (text) => text);
    expect(await linkOf('two').ask('four', answer, 100)).toBeUndefined();
  });
  test("one request's reply is not another's (S26)", async () => {
    await linkOf('one').serve(take);
    let first: string | undefined;
    const replaying = {
      ...bus,
      peers: {
        ...bus.peers,
        serve: bus.peers.serve.bind(bus.peers),
        ask: async (replica: string, text: string, options: { timeoutMs: number }) =>
          (first ??= await bus.peers.ask(replica, text, options)),
      },
    };
    const link = new ReplicaLink({
      messaging: replaying,
      sealer: new StateSealer([key]),
      replica: 'two',
      clock: () => now,
    });
    expect(await link.ask('one', answer, 100)).toEqual({ taken: true });
    expect(await link.ask('one', answer, 100)).toBeUndefined();
  });
  test('a replica that is not there is one that did not take it', async () => {
    expect(await linkOf('two').ask('nobody', answer, 100)).toBeUndefined();
  });
});
