import { readdirSync } from 'node:fs';
import { localFiles } from '@sallyport/event-spool';
import type { SpoolFiles } from '@sallyport/event-spool';
import { afterEach, describe, expect, test } from 'vitest';
import { startBigServerWorld } from './world/big-server-world.js';
import { modernRequest, postByHand } from './world/by-hand.js';
import type { RawAnswer } from './world/by-hand.js';
import { createCountingServer } from './world/counting-server.js';
import type { CountingServer } from './world/counting-server.js';
import { testUser } from './world/gateway-world.js';
import type { GatewayWorld } from './world/gateway-world.js';

/** The real disk, with faults that begin and end at once. */
const disk = { full: undefined as string | undefined, broken: undefined as string | undefined, tried: 0 };
const failing = (code: string) => {
  throw Object.assign(new Error(`${code}: the test says so`), { code });
};
const files: SpoolFiles = {
  ...localFiles,
  make: (path) => (disk.tried++, disk.full === undefined ? localFiles.make(path) : failing(disk.full)),
  write: (...args) => (disk.broken === undefined ? localFiles.write(...args) : failing(disk.broken)),
};

let world: GatewayWorld;
let server: CountingServer;
afterEach(async () => {
  Object.assign(disk, { full: undefined, broken: undefined, tried: 0 });
  await world.close();
});
const alice = testUser('alice');

async function start(): Promise<void> {
  server = createCountingServer();
  world = await startBigServerWorld(server.http, {}, { spoolMaxBytes: 128 * 1024 }, files);
}
async function call(
  what: string,
  { user = alice, ...more }: { accept?: string; user?: typeof alice } = {},
): Promise<RawAnswer> {
  const { body, headers } = modernRequest('tools/call', { name: 'big__add', arguments: { what } });
  return await postByHand(world.url, await world.token(user), {
    body,
    headers: { accept: 'application/json', ...headers, ...more },
  });
}
const kindOf = ({ status, json }: RawAnswer) =>
  `${status} ${JSON.stringify(json?.result?.['content'] ?? json?.error?.code)}`;
const ADDED = '200 [{"type":"text","text":"added"}]';
const NOT_READY = '503 -31500';
const isTold = ({ status, text, headers }: RawAnswer) =>
  status === 200 &&
  /was carried out.*Do not repeat it/.test(text) &&
  !text.includes('added') &&
  headers.get('retry-after') === null;
const recordedCalls = () =>
  world.records.filter(
    ({ method, server: name, decision }) => method === 'tools/call' && name === 'big' && decision === 'allow',
  );
const outage = () => {
  const { publishLines } = world.messaging.events;
  world.messaging.events.publishLines = () => Promise.reject(new Error('no bus'));
  return () => (world.messaging.events.publishLines = publishLines);
};

describe('the disk fills under calls', () => {
  test('each that was sent is answered and recorded, the rest are refused before they are sent, and it gets well by itself (R74)', async () => {
    await start();
    expect(kindOf(await call('first'))).toBe(ADDED);
    const endOutage = outage();
    let answer: () => void = () => undefined;
    server.answers = new Promise((resolve) => (answer = resolve));
    let refusedAtOnce = 0;
    const running = Array.from({ length: 60 }, async (_, i) => {
      const answered = await call(`running ${i}`);
      if (answered.status === 503) refusedAtOnce += 1;
      return answered;
    });
    await expect.poll(() => server.ran.length - 1 + refusedAtOnce).toBe(60);
    // In 128 KiB is room for 16 records of the largest size.
    expect(server.ran.length - 1).toBeLessThanOrEqual(16);
    expect(server.ran.length - 1).toBeGreaterThan(8);
    disk.full = 'ENOSPC';
    answer();
    server.answers = undefined;
    const kinds = (await Promise.all(running)).map(kindOf);
    expect([kinds.filter((kind) => kind === ADDED).length, kinds.filter((kind) => kind === NOT_READY).length]).toEqual([
      server.ran.length - 1,
      61 - server.ran.length,
    ]);

    const refused: RawAnswer[] = [];
    let ran = server.ran.length;
    for (let i = 0; i < 1_000 && refused.length < 20; i++) {
      const answered = await call(`later ${i}`, { user: testUser(`user-${i}`) }); // one alone is not let fill it
      if (answered.status === 503) refused.push(answered);
      else expect(kindOf(answered)).toBe(ADDED);
      if (answered.status !== 503) ran += 1;
    }
    expect(refused).toHaveLength(20);
    expect(refused[0]?.headers.get('retry-after')).toBe('2');
    expect(refused[0]?.json?.error?.message).toMatch(/Nothing was done.*Try again/);
    expect(server.ran).toHaveLength(ran);
    expect(world.gateway.readiness()).toMatchObject({
      status: 'not-ready',
      reasons: expect.arrayContaining([expect.stringMatching(/^the event spool refuses/)]),
    });

    endOutage();
    disk.full = undefined;
    await expect.poll(async () => kindOf(await call('last'))).toBe(ADDED);
    await expect.poll(() => recordedCalls().length).toBe(server.ran.length);
    expect(world.gateway.readiness().status).not.toBe('not-ready');
  });
});

describe('records that cannot be sent on', () => {
  test('of one user leave room for others: that user reads 429 and nothing is done, the others are answered (S32, R74)', async () => {
    await start();
    const endOutage = outage();
    let refused: RawAnswer | undefined;
    for (let i = 0; i < 1_000 && refused === undefined; i++) {
      const answered = await call(`${i}`);
      if (answered.status !== 200) refused = answered;
    }
    const ran = server.ran.length;
    expect([refused?.status, refused?.headers.get('retry-after'), refused?.json?.error?.message]).toEqual([
      429,
      '5',
      expect.stringMatching(/^Nothing was done.*room is left is for others/),
    ]);
    const { body, headers } = modernRequest('tools/list', {});
    expect((await postByHand(world.url, await world.token(alice), { body, headers })).status).toBe(429);
    expect(kindOf(await call('of another', { user: testUser('bob') }))).toBe(ADDED);
    expect([server.ran.length, world.gateway.readiness().status]).toEqual([
      ran + 1,
      expect.not.stringMatching('not-ready'),
    ]);
    endOutage();
    await expect.poll(async () => kindOf(await call('last'))).toBe(ADDED);
    await expect.poll(() => recordedCalls().length).toBe(server.ran.length);
  });
});

describe.each(['EIO', 'EROFS', 'ENOSPC'])('the disk refuses every write (%s)', (code) => {
  test('while calls run: each hears that it ran and is not to be made again, its record is in the log and reaches the trail all the same (R74)', async () => {
    await start();
    await call('first');
    const endOutage = outage();
    let answer: () => void = () => undefined;
    server.answers = new Promise((resolve) => (answer = resolve));
    const running = [
      ...Array.from({ length: 5 }, (_, i) => call(`running ${i}`)),
      call('streamed', { accept: 'application/json, text/event-stream' }),
    ];
    await expect.poll(() => server.ran.length).toBe(7);
    disk.full = disk.broken = code;
    answer();
    server.answers = undefined;
    const answers = await Promise.all(running);
    expect(answers.map((one) => isTold(one) || one.text)).toEqual(answers.map(() => true));
    expect(world.log().match(/"msg":"the record of a call could not be written: it is this one/g)).toHaveLength(6);

    expect((await Promise.all(Array.from({ length: 10 }, (_, i) => call(`later ${i}`)))).map(kindOf)).toEqual(
      Array.from({ length: 10 }, () => NOT_READY),
    );
    expect(server.ran).toHaveLength(7);
    const recordId = /evt_\w+/.exec(answers[0]?.text ?? '')?.[0];
    endOutage();
    // The disk is as it was: the stream takes them from memory.
    await expect.poll(() => recordedCalls().length).toBe(7);
    expect(recordedCalls().map(({ id }) => id)).toContain(recordId);
  });
});

describe('a disk that is full from the start', () => {
  test('refuses calls before they are sent and is asked about once a second; the gateway is idle, alive, and ends when it is told to (R74)', async () => {
    disk.full = 'ENOSPC';
    await start();
    expect(world.gateway.readiness()).toMatchObject({
      status: 'not-ready',
      reasons: ['the event spool refuses (disk-full, ENOSPC)'],
    });
    expect(world.log()).toContain('"errno":"ENOSPC"');
    const [before, since] = [process.cpuUsage(), performance.now()];
    expect(
      await Promise.all(Array.from({ length: 20 }, (_, i) => call(`${i}`)).map(async (answer) => kindOf(await answer))),
    ).toEqual(Array.from({ length: 20 }, () => NOT_READY));
    expect(server.ran).toEqual([]);
    const metadata = await fetch(world.url.replace('/mcp', '/.well-known/oauth-protected-resource'));
    expect(metadata.status).toBe(200);
    await expect.poll(() => performance.now() - since, { interval: 100 }).toBeGreaterThan(3_000);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000 / (performance.now() - since)).toBeLessThan(0.7);
    expect([disk.tried <= 4, readdirSync(world.spoolDirectory)]).toEqual([true, []]);
    // What was refused meanwhile is told once there is room, as a sum.
    disk.full = undefined;
    await expect.poll(async () => kindOf(await call('last'))).toBe(ADDED);
  });
});
