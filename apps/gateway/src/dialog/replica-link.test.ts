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

const linkOf = (replica: string, sealer = new StateSealer([key])) => new ReplicaLink({ messaging: bus, sealer, replica, clock: () => now });
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
  test('nobody reads what is said (S16)', async () => {
    const heard = await overheard('one');
    await linkOf('two').ask('one', { type: 'resume', park: 'p', exchange: 'e', token: 'the-token', connectionId: null, responses: { secret: 'the-answer' }, requestId: 1 }, 100);
    expect(heard.join()).not.toMatch(/the-token|the-answer/);
  });
  test('nobody without the key is heard, nor believed (S16, S26)', async () => {
    await linkOf('one').serve(take);
    const stranger = linkOf('two', new StateSealer([new Secret<Uint8Array>(randomBytes(32))]));
    expect(await stranger.ask('one', answer, 100)).toBeUndefined();
    await stranger.tellAll(answer);
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
    const replaying = { ...bus, peers: { ...bus.peers, serve: bus.peers.serve.bind(bus.peers), ask: async (replica: string, text: string, options: { timeoutMs: number }) => (first ??= await bus.peers.ask(replica, text, options)) } };
    const link = new ReplicaLink({ messaging: replaying, sealer: new StateSealer([key]), replica: 'two', clock: () => now });
    expect(await link.ask('one', answer, 100)).toEqual({ taken: true });
    expect(await link.ask('one', answer, 100)).toBeUndefined();
  });
  test('a replica that is not there is one that did not take it', async () => {
    expect(await linkOf('two').ask('nobody', answer, 100)).toBeUndefined();
  });
});
