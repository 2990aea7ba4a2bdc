import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInbox, headers, RequestError } from '@nats-io/transport-node';
import { streams, subjects } from '@sallyport/messages';
import { afterEach, describe, expect, test } from 'vitest';
import { createNatsMessaging, createNkey } from '../index.js';
import type { Messaging } from '../index.js';
import { describeMessaging, recordsIn } from '../messaging.contract.js';
import { startDeployment } from './deployment.contract.js';
import type { Deployment } from './deployment.contract.js';
import { ACK_WAIT_MS } from './ensure-streams.js';
import { logHeaders } from './log-message.js';
import { CONTROL_PLANE_GROUP, inboxPrefixOf } from './permissions.js';

describeMessaging('NATS with a least-privilege user per replica (S26)', async () => {
  const deployment = await startDeployment();
  const [controlPlane, otherControlPlane] = [await deployment.open('cp-1'), await deployment.open('cp-2')];
  const [gateway, otherGateway] = [await deployment.open('gw-1'), await deployment.open('gw-2')];
  return {
    controlPlane,
    otherControlPlane,
    gateway,
    otherGateway,
    async close() {
      expect(deployment.problems.filter(([, problem]) => problem === 'not-permitted')).toEqual([]);
      await deployment.close();
    },
  };
});

describe('NATS: outages', () => {
  let deployment: Deployment;
  afterEach(() => deployment.close());

  async function follow(messaging: Messaging): Promise<string[]> {
    const seen: string[] = [];
    await messaging.configuration.follow((jws) => void seen.push(jws));
    return seen;
  }

  test('after a crash of the server a follower reads on from where it was, and connected says so meanwhile (S27)', async () => {
    deployment = await startDeployment();
    const [controlPlane, gateway] = [await deployment.open('cp-1'), await deployment.open('gw-1')];
    await controlPlane.configuration.appendBase(0, ['base 0']);
    const seen = await follow(gateway);
    await expect.poll(() => seen).toEqual(['base 0']);
    await deployment.nats.kill();
    await expect.poll(() => gateway.connected()).toBe(false);
    await deployment.nats.restart();
    await expect.poll(() => gateway.connected() && controlPlane.connected(), { timeout: 10_000 }).toBe(true);
    await controlPlane.configuration.appendChange(1, 'change 1');
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual(['base 0', 'change 1']);
  });

  test('what was appended while a follower was away is delivered after its reconnect (S27)', async () => {
    deployment = await startDeployment();
    const gateway = await deployment.open('gw-1');
    const seen = await follow(gateway);
    const controlPlane = await deployment.open('cp-1');
    await controlPlane.configuration.appendBase(0, ['base 0']);
    await controlPlane.configuration.appendChange(1, 'change 1');
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual(['base 0', 'change 1']);
    // A log that nobody has made yet is no failure.
    expect(deployment.problems.filter(([, , error]) => error instanceof RequestError)).toEqual([]);
  });

  test('events wait in the stream for a control plane that is away', async () => {
    deployment = await startDeployment();
    const first = await deployment.open('cp-1');
    const gateway = await deployment.open('gw-1');
    await gateway.events.publish('gw-1', [{ id: 'a' }]);
    await first.close();
    await gateway.events.publish('gw-1', [{ id: 'b' }]);
    const seen: unknown[] = [];
    const second = await deployment.open('cp-2');
    const stop = await second.events.consume(async (batches) => void seen.push(...recordsIn(batches)));
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([{ id: 'a' }, { id: 'b' }]);
    await stop();
  });

  test('a stream that is full takes no more and drops nothing: what it took arrives, the rest stays with its publishers (R74)', async () => {
    deployment = await startDeployment(2 * 1024 * 1024);
    const [controlPlane, gateway] = [await deployment.open('cp-1'), await deployment.open('gw-1')];
    let taken = 0;
    const publishNext = () => gateway.events.publish('gw-1', [{ id: taken, text: 'x'.repeat(100_000) }]);
    let refusal: unknown;
    for (; refusal === undefined && taken < 100; taken += refusal === undefined ? 1 : 0)
      refusal = await publishNext().then(
        () => undefined,
        (error: unknown) => error,
      );
    expect(refusal).toBeInstanceOf(Error);
    expect(taken).toBeGreaterThan(10);
    const seen: unknown[] = [];
    const stop = await controlPlane.events.consume(
      async (batches) => void seen.push(...(recordsIn(batches) as { id: number }[]).map(({ id }) => id)),
    );
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual(Array.from({ length: taken }, (_, id) => id));
    await expect
      .poll(
        () =>
          publishNext().then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
    await stop();
  });

  test('a batch published again after a lost answer is stored once', async () => {
    deployment = await startDeployment();
    const [controlPlane, gateway] = [await deployment.open('cp-1'), await deployment.open('gw-1')];
    await gateway.events.publish('gw-1', [{ id: 'a' }]);
    await gateway.events.publish('gw-1', [{ id: 'a' }]);
    await gateway.events.publish('gw-1', [{ id: 'b' }]);
    const seen: unknown[] = [];
    const stop = await controlPlane.events.consume(async (batches) => void seen.push(...recordsIn(batches)));
    await expect.poll(() => seen).toEqual([{ id: 'a' }, { id: 'b' }]);
    await stop();
  });

  test('a batch that is worked on does not come again, however long that takes', async () => {
    deployment = await startDeployment();
    const [controlPlane, gateway] = [await deployment.open('cp-1'), await deployment.open('gw-1')];
    let finish: () => void = () => undefined;
    const work = new Promise<void>((resolve) => (finish = resolve));
    const seen: unknown[] = [];
    const stop = await controlPlane.events.consume(async (batches) => {
      seen.push(...recordsIn(batches));
      await work;
    });
    await gateway.events.publish('gw-1', [{ id: 'a' }]);
    await expect.poll(() => seen).toEqual([{ id: 'a' }]);
    await new Promise((resolve) => setTimeout(resolve, 1.5 * ACK_WAIT_MS));
    finish();
    await gateway.events.publish('gw-1', [{ id: 'b' }]);
    await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(2);
    expect(seen).toEqual([{ id: 'a' }, { id: 'b' }]);
    await stop();
  });

  test('what a control plane held that died comes to the next one at once, before what is newer', async () => {
    deployment = await startDeployment();
    const [dying, other] = [await deployment.open('cp-1'), await deployment.open('cp-2')];
    const gateway = await deployment.open('gw-1');
    let isHeld = false;
    await dying.events.consume(async () => {
      isHeld = true;
      await new Promise(() => undefined);
    });
    await gateway.events.publish('gw-1', [{ id: 'a' }]);
    await expect.poll(() => isHeld, { timeout: 10_000 }).toBe(true);
    await gateway.events.publish('gw-1', [{ id: 'b' }]);
    await dying.close();
    await gateway.events.publish('gw-1', [{ id: 'c' }]);
    const seen: unknown[] = [];
    const stop = await other.events.consume(async (batches) => void seen.push(...recordsIn(batches)));
    await expect.poll(() => seen, { timeout: ACK_WAIT_MS / 2 }).toEqual([{ id: 'a' }, { id: 'b' }, { id: 'c' }]);
    await stop();
  });

  test('what is lost on its way to a control plane comes before what is newer', async () => {
    deployment = await startDeployment();
    const [controlPlane, gateway] = [await deployment.open('cp-1'), await deployment.open('gw-1')];
    const thief = await deployment.openRaw('cp-2');
    const seen: unknown[] = [];
    const stop = await controlPlane.events.consume(async (batches) => void seen.push(...recordsIn(batches)));
    await gateway.events.publish('gw-1', [{ id: 0 }]);
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([{ id: 0 }]);
    // Somebody takes deliveries away, as a connection that breaks does.
    const inbox = createInbox(inboxPrefixOf('cp-2'));
    const stolen = thief.subscribe(inbox, { max: 3 });
    const wanted = JSON.stringify({ batch: 3, expires: 10_000_000_000 });
    thief.publish(`$JS.API.CONSUMER.MSG.NEXT.${streams.events}.${CONTROL_PLANE_GROUP}`, wanted, { reply: inbox });
    await thief.flush();
    const ids = Array.from({ length: 40 }, (_, index) => index + 1);
    for (const id of ids) await gateway.events.publish('gw-1', [{ id }]);
    let lost = 0;
    for await (const { subject } of stolen) lost += subject === subjects.events('gw-1') ? 1 : 0;
    expect(lost).toBe(3);
    await expect.poll(() => seen.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(ids.length + 1);
    const first = (seen as { id: number }[]).map(({ id }) => id).filter((id, index, all) => all.indexOf(id) === index);
    expect(first).toEqual([0, ...ids]);
    await stop();
    await thief.close();
  });

  test("a publisher's batch that cannot be stored holds up its later ones, and nobody else's", async () => {
    deployment = await startDeployment();
    const [controlPlane, gateway] = [await deployment.open('cp-1'), await deployment.open('gw-1')];
    const worker = await deployment.open('worker-1');
    const seen: unknown[] = [];
    let isAway = true;
    const stop = await controlPlane.events.consume(async (batches) => {
      const records = recordsIn(batches);
      if (isAway && JSON.stringify(records).includes('"a"')) throw new Error('this cannot be stored now');
      seen.push(...records);
    });
    await gateway.events.publish('gw-1', [{ id: 'a' }]);
    await gateway.events.publish('gw-1', [{ id: 'b' }]);
    await worker.events.publish('worker-1', [{ id: 'c' }]);
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([{ id: 'c' }]);
    isAway = false;
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual([{ id: 'c' }, { id: 'a' }, { id: 'b' }]);
    await stop();
  });

  test('asking and publishing on a bus that is down fails, so that the spool keeps the batch', async () => {
    deployment = await startDeployment();
    await deployment.open('cp-1');
    const gateway = await deployment.open('gw-1');
    await deployment.nats.kill();
    await expect.poll(() => gateway.connected()).toBe(false);
    await expect(gateway.request(subjects.lease, {}, { timeoutMs: 2_000 })).rejects.toMatchObject({
      code: 'messaging_unavailable',
    });
    await expect(gateway.events.publish('gw-1', [{ id: 'a' }])).rejects.toMatchObject({
      code: 'messaging_unavailable',
    });
    await deployment.nats.restart();
  });

  test('a base whose last chunk never came is passed over for the complete one before it (S27)', async () => {
    deployment = await startDeployment();
    const controlPlane = await deployment.open('cp-1');
    await controlPlane.configuration.appendBase(1, ['base 1 a', 'base 1 b']);
    const raw = await deployment.openRaw('cp-1');
    const metadata = headers();
    metadata.set(logHeaders.base, 'unfinished 0 2');
    metadata.set(logHeaders.revision, '2');
    await raw.request(subjects.configurationBase, 'base 2 a', { headers: metadata, timeout: 2_000 });
    await controlPlane.configuration.appendChange(2, 'change 2');
    const seen = await follow(await deployment.open('gw-1'));
    await expect.poll(() => seen).toEqual(['base 1 a', 'base 1 b', 'change 2']);
    await controlPlane.configuration.appendBase(2, ['base 2']);
    await expect.poll(() => seen.at(-1)).toBe('base 2');
    await raw.close();
  });

  test('a change is in force on a follower well under a second, also within a burst', async () => {
    deployment = await startDeployment();
    const [controlPlane, gateway] = [await deployment.open('cp-1'), await deployment.open('gw-1')];
    await controlPlane.configuration.appendBase(0, ['base 0']);
    const arrived = new Map<string, number>();
    await gateway.configuration.follow((jws) => void arrived.set(jws, performance.now()));
    await expect.poll(() => arrived.size).toBe(1);
    const sent = new Map<string, number>();
    await Promise.all(
      Array.from({ length: 200 }, (_, index) => {
        sent.set(`change ${index + 1}`, performance.now());
        return controlPlane.configuration.appendChange(index + 1, `change ${index + 1}`);
      }),
    );
    await expect.poll(() => arrived.size, { timeout: 5_000 }).toBe(201);
    expect([...arrived.keys()].slice(1)).toEqual([...sent.keys()]);
    expect(Math.max(...[...sent].map(([entry, at]) => (arrived.get(entry) ?? Infinity) - at))).toBeLessThan(1_000);
  });

  test('an entry above the message limit is refused before anything is appended', async () => {
    deployment = await startDeployment();
    const controlPlane = await deployment.open('cp-1');
    await expect(controlPlane.configuration.appendBase(2, ['base 2 a', 'x'.repeat(2_000_000)])).rejects.toMatchObject({
      code: 'configuration_entry_too_large',
    });
    await controlPlane.configuration.appendBase(1, ['base 1']);
    const seen = await follow(await deployment.open('gw-1'));
    await expect.poll(() => seen).toEqual(['base 1']);
  });

  test('when the stream was lost, the control plane makes it anew and followers start over (S27)', async () => {
    deployment = await startDeployment();
    const [controlPlane, gateway] = [await deployment.open('cp-1'), await deployment.open('gw-1')];
    await controlPlane.configuration.appendBase(0, ['base 0']);
    for (let i = 1; i <= 5; i++) await controlPlane.configuration.appendChange(i, `change ${i}`);
    const seen = await follow(gateway);
    await expect.poll(() => seen.length).toBe(6);
    await deployment.nats.kill();
    deployment.nats.forget();
    await deployment.nats.restart();
    await expect
      .poll(
        () =>
          controlPlane.configuration.appendBase(5, ['base 5, again']).then(
            () => true,
            () => false,
          ),
        { timeout: 10_000 },
      )
      .toBe(true);
    await expect.poll(() => seen.at(-1), { timeout: 10_000 }).toBe('base 5, again');
  });

  test('a replica whose user the server does not know for a while comes back when it does', async () => {
    deployment = await startDeployment();
    const [, gateway] = [await deployment.open('cp-1'), await deployment.open('gw-1')];
    const file = join(dirname(deployment.nats.storeDir), 'nats-server.conf');
    const configuration = readFileSync(file, 'utf8');
    const own = deployment.publicNkeyOf('gw-1');
    expect(configuration).toContain(own);
    await deployment.nats.kill();
    writeFileSync(file, configuration.replaceAll(own, createNkey().publicNkey));
    await deployment.nats.restart();
    // Refused more than once on each of its connections: NATS' client gives up at the second time unless told otherwise.
    const refusals = () => deployment.nats.output().split('authentication error').length - 1;
    await expect.poll(refusals, { timeout: 20_000 }).toBeGreaterThan(6);
    expect(gateway.connected()).toBe(false);
    await deployment.nats.kill();
    writeFileSync(file, configuration);
    await deployment.nats.restart();
    await expect.poll(() => gateway.connected(), { timeout: 20_000 }).toBe(true);
    await expect
      .poll(() => gateway.events.publish('gw-1', [{ seq: 1 }]).then(() => 'published', String), { timeout: 20_000 })
      .toBe('published');
  }, 90_000);

  test('an unreachable bus and a wrong key are said in one line', async () => {
    deployment = await startDeployment();
    await expect(
      createNatsMessaging({ servers: ['nats://127.0.0.1:1'], name: 'gw-1', role: 'gateway', connectTimeoutMs: 10 }),
    ).rejects.toMatchObject({ code: 'messaging_unreachable' });
    await expect(
      createNatsMessaging({
        servers: [deployment.nats.url],
        name: 'gw-1',
        role: 'gateway',
        nkeySeed: createNkey().seed,
      }),
    ).rejects.toMatchObject({ code: 'messaging_refused', message: expect.stringContaining('gw-1') });
  });
});
