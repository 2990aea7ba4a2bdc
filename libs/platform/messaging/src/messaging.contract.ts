import { subjects } from '@sallyport/messages';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { EventBatch, Messaging } from './index.js';

/** One bus with the participants of a deployment on it, as an adapter provides it to the suite. */
export interface MessagingUnderTest {
  readonly controlPlane: Messaging;
  /** A second replica of the control plane. */
  readonly otherControlPlane: Messaging;
  readonly gateway: Messaging;
  /** A second gateway; `gw-1` and `gw-2` are their names. */
  readonly otherGateway: Messaging;
  close(): Promise<void>;
}

export const recordsIn = (batches: readonly EventBatch[]): unknown[] => batches.flatMap(({ records }) => records);

/** What both adapters promise. `setUp` makes a fresh bus for each test. */
export function describeMessaging(name: string, setUp: () => Promise<MessagingUnderTest>): void {
  describe(`${name}: messaging`, () => {
    let bus: MessagingUnderTest;
    const closers: (() => Promise<unknown>)[] = [];
    beforeEach(async () => {
      bus = await setUp();
    });
    afterEach(async () => {
      for (const close of closers.splice(0).toReversed()) await close();
      await bus.close();
    });

    /** Serves lease requests with an echo, or fails or stays silent as the payload asks. */
    async function respond(messaging: Messaging): Promise<unknown[]> {
      const seen: unknown[] = [];
      const stop = await messaging.serve(subjects.lease, (payload) => {
        seen.push(payload);
        const { fail, slow } = payload as { fail?: boolean; slow?: boolean };
        if (fail === true) throw new Error('the vault key k1 is missing');
        return slow === true ? new Promise(() => undefined) : { echoed: payload, nothing: undefined };
      });
      closers.push(stop);
      return seen;
    }
    async function follow(messaging: Messaging, listener?: (jws: string) => Promise<void>) {
      const seen: string[] = [];
      const handle = await messaging.configuration.follow(async (jws) => {
        await listener?.(jws);
        seen.push(jws);
      });
      closers.push(() => handle.stop());
      return { seen, handle };
    }

    describe('request and reply', () => {
      test('an answer comes back as JSON would carry it, and whoever gives it is told how long it is waited for (S34)', async () => {
        const seen = await respond(bus.controlPlane);
        expect(
          await bus.gateway.request(subjects.lease, { at: new Date(0), nothing: undefined }, { timeoutMs: 2_000 }),
        ).toEqual({ echoed: { at: '1970-01-01T00:00:00.000Z', waitsMs: 2_000 } });
        expect(seen).toEqual([{ at: '1970-01-01T00:00:00.000Z', waitsMs: 2_000 }]);
      });
      test('without a responder the request fails at once', async () => {
        await expect(bus.gateway.request(subjects.lease, {}, { timeoutMs: 5_000 })).rejects.toMatchObject({
          code: 'messaging_no_responder',
        });
      });
      test("a responder's failure is an error without its text", async () => {
        await respond(bus.controlPlane);
        const failure = await bus.gateway
          .request(subjects.lease, { fail: true }, { timeoutMs: 2_000 })
          .catch((error: unknown) => error);
        expect(failure).toMatchObject({ code: 'messaging_request_failed', isOutage: false });
        expect(JSON.stringify(failure)).not.toContain('vault');
      });
      test('a responder that does not answer is given up after the time-out', async () => {
        await respond(bus.controlPlane);
        await expect(bus.gateway.request(subjects.lease, { slow: true }, { timeoutMs: 50 })).rejects.toMatchObject({
          code: 'messaging_timeout',
        });
      });
      test('an answer may be nothing at all', async () => {
        closers.push(await bus.controlPlane.serve(subjects.lease, () => undefined));
        expect(await bus.gateway.request(subjects.lease, {}, { timeoutMs: 2_000 })).toBeUndefined();
      });
      test('whoever stopped serving is asked no more, and what it had begun is answered', async () => {
        const begun = Promise.withResolvers<void>();
        const finish = Promise.withResolvers<string>();
        const stop = await bus.controlPlane.serve(subjects.lease, () => {
          begun.resolve();
          return finish.promise;
        });
        const answer = bus.gateway.request(subjects.lease, {}, { timeoutMs: 5_000 });
        await begun.promise;
        const stopped = stop();
        finish.resolve('done');
        expect(await answer).toBe('done');
        await stopped;
        await expect(bus.gateway.request(subjects.lease, {}, { timeoutMs: 5_000 })).rejects.toMatchObject({
          code: 'messaging_no_responder',
          isOutage: true,
        });
      });
      test('a request on a closed bus is refused as an outage', async () => {
        await bus.gateway.close();
        await expect(bus.gateway.request(subjects.lease, {}, { timeoutMs: 5_000 })).rejects.toMatchObject({
          isOutage: true,
        });
      });
      test('of the replicas of a role exactly one gets each request', async () => {
        const one = await respond(bus.controlPlane);
        const other = await respond(bus.otherControlPlane);
        for (let i = 0; i < 40; i++) await bus.gateway.request(subjects.lease, { i }, { timeoutMs: 2_000 });
        expect(one.length + other.length).toBe(40);
        expect(Math.min(one.length, other.length)).toBeGreaterThan(0);
      });
    });

    describe('configuration log', () => {
      test('a follower gets the newest base, what came after it, then what comes live, in order (S27)', async () => {
        const { configuration } = bus.controlPlane;
        await configuration.appendBase(1, ['base 1']);
        await configuration.appendChange(2, 'change 2');
        await configuration.appendBase(2, ['base 2 a', 'base 2 b']);
        await configuration.appendChange(3, 'change 3');
        const { seen } = await follow(bus.gateway);
        await expect.poll(() => seen).toEqual(['base 2 a', 'base 2 b', 'change 3']);
        await configuration.appendChange(4, 'change 4');
        await configuration.appendChange(5, 'change 5');
        await expect.poll(() => seen).toEqual(['base 2 a', 'base 2 b', 'change 3', 'change 4', 'change 5']);
      });
      test('a follower that comes before the first base gets it when it is there', async () => {
        const { seen } = await follow(bus.gateway);
        await bus.controlPlane.configuration.appendBase(0, ['base 0']);
        await bus.controlPlane.configuration.appendChange(1, 'change 1');
        await expect.poll(() => seen, { timeout: 5_000 }).toEqual(['base 0', 'change 1']);
      });
      test('a change that was appended before a base which does not contain it is not lost', async () => {
        const { configuration } = bus.controlPlane;
        await configuration.appendBase(1, ['base 1']);
        await configuration.appendChange(2, 'change 2');
        await configuration.appendChange(3, 'change 3');
        await bus.otherControlPlane.configuration.appendBase(2, ['base 2']);
        const { seen } = await follow(bus.gateway);
        await expect.poll(() => seen).toEqual(['base 2', 'change 3']);
      });
      test('a change appended twice is there once (S27)', async () => {
        const { configuration } = bus.controlPlane;
        await configuration.appendBase(0, ['base 0']);
        await configuration.appendChange(1, 'change 1');
        await configuration.appendChange(1, 'change 1');
        await bus.otherControlPlane.configuration.appendChange(1, 'change 1');
        await configuration.appendChange(2, 'change 2');
        const { seen } = await follow(bus.gateway);
        await expect.poll(() => seen).toEqual(['base 0', 'change 1', 'change 2']);
      });
      test('who appends can see what is stored last (S27)', async () => {
        const { configuration } = bus.controlPlane;
        expect(await configuration.newest()).toEqual([]);
        await configuration.appendBase(1, ['base 1a', 'base 1b']);
        expect(await configuration.newest()).toEqual(['base 1b']);
        await configuration.appendChange(2, 'change 2');
        await configuration.appendChange(3, 'change 3');
        expect(await bus.otherControlPlane.configuration.newest()).toEqual(['change 3', 'base 1b']);
        await configuration.appendBase(3, ['base 3']);
        expect(await configuration.newest()).toEqual(['change 3', 'base 3']);
      });
      test('starting over delivers the newest base and what came after it again (S27)', async () => {
        const { configuration } = bus.controlPlane;
        await configuration.appendBase(1, ['base 1']);
        await configuration.appendChange(2, 'change 2');
        const { seen, handle } = await follow(bus.gateway);
        await expect.poll(() => seen).toEqual(['base 1', 'change 2']);
        await handle.restart();
        await expect.poll(() => seen).toEqual(['base 1', 'change 2', 'base 1', 'change 2']);
        await configuration.appendChange(3, 'change 3');
        await expect.poll(() => seen.at(-1)).toBe('change 3');
      });
      test('entries come one at a time: the next waits for the listener', async () => {
        let running = 0;
        let most = 0;
        const { configuration } = bus.controlPlane;
        const { seen } = await follow(bus.gateway, async () => {
          most = Math.max(most, ++running);
          await new Promise((resolve) => setTimeout(resolve, 2));
          running--;
        });
        await configuration.appendBase(0, ['base 0']);
        for (let i = 1; i <= 10; i++) await configuration.appendChange(i, `change ${i}`);
        await expect.poll(() => seen.length, { timeout: 5_000 }).toBe(11);
        expect(most).toBe(1);
        expect(seen.at(-1)).toBe('change 10');
      });
      test('a listener that fails gets everything again, from the newest base', async () => {
        let failures = 0;
        const { configuration } = bus.controlPlane;
        await configuration.appendBase(0, ['base 0']);
        await configuration.appendChange(1, 'change 1');
        const { seen } = await follow(bus.gateway, async (jws) => {
          if (jws === 'change 1' && failures++ === 0) throw new Error('not applied');
        });
        await expect.poll(() => seen, { timeout: 5_000 }).toEqual(['base 0', 'base 0', 'change 1']);
      });
      test('heartbeats reach whoever follows now and are not kept (S27)', async () => {
        const { configuration } = bus.controlPlane;
        await configuration.appendBase(0, ['base 0']);
        // Between two connections only what was heard is known to be over.
        const earlier = await follow(bus.gateway);
        await configuration.heartbeat('an earlier heartbeat');
        await expect.poll(() => earlier.seen).toEqual(['base 0', 'an earlier heartbeat']);
        await earlier.handle.stop();
        const { seen } = await follow(bus.gateway);
        await expect.poll(() => seen).toEqual(['base 0']);
        await configuration.heartbeat('heartbeat');
        await expect.poll(() => seen).toEqual(['base 0', 'heartbeat']);
      });
      test('a heartbeat comes after the changes that were appended before it', async () => {
        const { configuration } = bus.controlPlane;
        await configuration.appendBase(0, ['base 0']);
        const { seen } = await follow(bus.gateway);
        for (let i = 1; i <= 20; i++) {
          await configuration.appendChange(i, `change ${i}`);
          await configuration.heartbeat(`heartbeat ${i}`);
        }
        await expect.poll(() => seen.at(-1), { timeout: 5_000 }).toBe('heartbeat 20');
        for (const heartbeat of seen.filter((entry) => entry.startsWith('heartbeat')))
          expect(seen.indexOf(heartbeat)).toBeGreaterThan(seen.indexOf(heartbeat.replace('heartbeat', 'change')));
      });
      test('after stopping, nothing is delivered', async () => {
        const { configuration } = bus.controlPlane;
        await configuration.appendBase(0, ['base 0']);
        const { seen, handle } = await follow(bus.gateway);
        await expect.poll(() => seen).toEqual(['base 0']);
        await handle.stop();
        await configuration.appendChange(1, 'change 1');
        await new Promise((resolve) => setTimeout(resolve, 50));
        expect(seen).toEqual(['base 0']);
      });
    });

    describe('events', () => {
      test('a published batch reaches the consumer with the name of its replica', async () => {
        const seen: [string, readonly unknown[]][] = [];
        closers.push(
          await bus.controlPlane.events.consume(async (batches) =>
            batches.forEach(({ replica, records }) => seen.push([replica, records])),
          ),
        );
        await bus.gateway.events.publish('gw-1', [{ id: 'a' }, { id: 'b' }]);
        await expect.poll(() => seen).toEqual([['gw-1', [{ id: 'a' }, { id: 'b' }]]]);
      });
      test('a batch that the consumer could not store comes again, before and after others', async () => {
        const seen: unknown[] = [];
        let failures = 0;
        closers.push(
          await bus.controlPlane.events.consume(async (batches) => {
            const records = recordsIn(batches);
            if (JSON.stringify(records).includes('"a"') && failures++ < 2) throw new Error('the database is away');
            seen.push(...records);
          }),
        );
        await Promise.all([
          bus.gateway.events.publish('gw-1', [{ id: 'a' }]),
          bus.gateway.events.publish('gw-1', [{ id: 'b' }]),
        ]);
        await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(2);
        expect(seen).toEqual(expect.arrayContaining([{ id: 'a' }, { id: 'b' }]));
      });
      test('what waits is delivered together and in order, and each by itself once that failed', async () => {
        const seen: number[][] = [];
        let gate = Promise.resolve();
        closers.push(
          await bus.controlPlane.events.consume(async (batches) => {
            const ids = (recordsIn(batches) as { id: number }[]).map(({ id }) => id);
            seen.push(ids);
            await gate;
            if (ids.length > 1) throw new Error('not together');
          }),
        );
        const settled: Promise<void>[] = [];
        // While the first one of a round is with the consumer, the others come; if they are late, in the next round.
        while (!seen.some((ids) => ids.length > 1)) {
          let open: () => void = () => undefined;
          gate = new Promise((resolve) => (open = resolve));
          for (let i = 0; i < 4; i++) settled.push(bus.gateway.events.publish('gw-1', [{ id: settled.length }]));
          await Promise.race([Promise.all(settled), new Promise((resolve) => setTimeout(resolve, 50))]);
          open();
          await Promise.all(settled);
        }
        const last = settled.length - 1;
        await expect.poll(() => seen.at(-1), { timeout: 10_000 }).toEqual([last]);
        const together = seen.findIndex((ids) => ids.length > 1);
        const ids = seen[together] ?? [];
        expect(seen.slice(together, together + ids.length + 1)).toEqual([ids, ...ids.map((id) => [id])]);
        expect(seen.filter(({ length }) => length === 1).flat()).toEqual(settled.map((_, id) => id));
      });
      test('lines that are JSON already arrive as records', async () => {
        const seen: unknown[] = [];
        closers.push(await bus.controlPlane.events.consume(async (batches) => void seen.push(...recordsIn(batches))));
        await bus.gateway.events.publishLines('gw-1', Buffer.from('{"id":"a"}\n{"id":"é\\n"}\n'));
        await expect.poll(() => seen).toEqual([{ id: 'a' }, { id: 'é\n' }]);
      });
      test('what is published before there is a consumer is not lost', async () => {
        const published = bus.gateway.events.publish('gw-1', [{ id: 'early' }]);
        const seen: unknown[] = [];
        closers.push(await bus.controlPlane.events.consume(async (batches) => void seen.push(...recordsIn(batches))));
        await published;
        await expect.poll(() => seen).toEqual([{ id: 'early' }]);
      });
      test('a batch of several megabytes arrives whole', async () => {
        const records = Array.from({ length: 3_000 }, (_, i) => ({ id: String(i), text: 'x'.repeat(1_000) }));
        const seen = new Set<unknown>();
        closers.push(
          await bus.controlPlane.events.consume(async (batches) =>
            recordsIn(batches).forEach((record) => seen.add((record as { id: string }).id)),
          ),
        );
        await bus.gateway.events.publish('gw-1', records);
        await expect.poll(() => seen.size, { timeout: 10_000 }).toBe(3_000);
      });
    });

    describe('broadcast', () => {
      test('reaches everybody who listens to the subject, and nobody who stopped', async () => {
        const heard: unknown[] = [];
        const stop = await bus.gateway.broadcast.subscribe(subjects.credentialChanged, (payload) =>
          heard.push(payload),
        );
        closers.push(
          await bus.otherControlPlane.broadcast.subscribe(subjects.credentialChanged, (payload) => heard.push(payload)),
        );
        await bus.controlPlane.broadcast.publish(subjects.credentialChanged, { connectionId: 'con_1' });
        await expect.poll(() => heard).toEqual([{ connectionId: 'con_1' }, { connectionId: 'con_1' }]);
        await stop();
        await bus.controlPlane.broadcast.publish(subjects.credentialChanged, { connectionId: 'con_2' });
        await expect.poll(() => heard.length).toBe(3);
      });
      test('a listener to all below a subject hears each, told what it was published to', async () => {
        const heard: unknown[] = [];
        closers.push(
          await bus.controlPlane.broadcast.subscribe(subjects.allReports, (payload, subject) =>
            heard.push([subject, payload]),
          ),
        );
        const [own, worker] = [subjects.report('gateway', 'gw-1'), subjects.report('gateway', 'gw-1.2')];
        await bus.gateway.broadcast.publish(own, 1);
        await bus.gateway.broadcast.publish(worker, 2);
        await bus.controlPlane.broadcast.publish(subjects.credentialChanged, 3);
        await bus.controlPlane.broadcast.publish(subjects.report('control-plane', 'cp-1'), 4);
        await expect.poll(() => heard.length).toBe(3);
        expect(heard).toEqual(
          expect.arrayContaining([
            [own, 1],
            [worker, 2],
            [subjects.report('control-plane', 'cp-1'), 4],
          ]),
        );
      });
      test('a listener that throws does not keep the others from hearing', async () => {
        const heard: unknown[] = [];
        closers.push(
          await bus.gateway.broadcast.subscribe(subjects.credentialChanged, () => {
            throw new Error('no');
          }),
        );
        closers.push(
          await bus.otherControlPlane.broadcast.subscribe(subjects.credentialChanged, (payload) => heard.push(payload)),
        );
        await bus.controlPlane.broadcast.publish(subjects.credentialChanged, 1);
        await expect.poll(() => heard).toEqual([1]);
      });
    });

    describe('between replicas', () => {
      test('one replica answers what it is asked, and only that replica (B11)', async () => {
        closers.push(await bus.gateway.peers.serve('gw-1', async (question) => `one heard ${question}`));
        closers.push(await bus.otherGateway.peers.serve('gw-2', async (question) => `two heard ${question}`));
        expect(await bus.otherGateway.peers.ask('gw-1', 'a', { timeoutMs: 2_000 })).toBe('one heard a');
        expect(await bus.gateway.peers.ask('gw-2', 'b', { timeoutMs: 2_000 })).toBe('two heard b');
      });
      test('a replica that is not there is known at once, one that stays silent after the time-out', async () => {
        await expect(bus.gateway.peers.ask('gw-2', 'a', { timeoutMs: 60_000 })).rejects.toMatchObject({
          code: 'messaging_no_responder',
        });
        closers.push(await bus.otherGateway.peers.serve('gw-2', () => new Promise(() => undefined)));
        await expect(bus.gateway.peers.ask('gw-2', 'a', { timeoutMs: 50 })).rejects.toMatchObject({
          code: 'messaging_timeout',
        });
      });
      test('a handler that fails gives no answer', async () => {
        closers.push(
          await bus.otherGateway.peers.serve('gw-2', async () => {
            throw new Error('the key is missing');
          }),
        );
        await expect(bus.gateway.peers.ask('gw-2', 'a', { timeoutMs: 50 })).rejects.toMatchObject({
          code: 'messaging_timeout',
        });
      });
    });

    test('connected is true until closed', async () => {
      expect(bus.gateway.connected()).toBe(true);
      await bus.gateway.close();
      expect(bus.gateway.connected()).toBe(false);
    });
  });
}
