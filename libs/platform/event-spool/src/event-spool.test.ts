import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SallyportError } from '@sallyport/kernel';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EventShipper, EventSpool } from './index.js';
import type { SpoolFiles, SpoolState } from './index.js';
import { smallDisk } from './testing/small-disk.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sallyport-spool-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const clock = () => 1_800_000_000_000;
const files = () => readdirSync(directory).sort();
const until = async (holds: () => boolean) => {
  for (let i = 0; !holds(); i++) {
    if (i > 400) throw new Error('it never happened');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

/** Files, records and reservations small enough to count. */
const small = { segmentBytes: 100, reservedBytes: 20, maxBytes: 200 };
const inFiles = () =>
  files()
    .map((name) => readFileSync(join(directory, name), 'utf8'))
    .join('');
const failureOf = async (appended: Promise<void>) =>
  await appended.then(
    () => undefined,
    (error: unknown) => error,
  );
/** As they were published. */
const recordsOf = (lines: Buffer): unknown[] => {
  const text = lines.toString();
  expect(text.endsWith('\n')).toBe(true);
  return text
    .slice(0, -1)
    .split('\n')
    .map((line): unknown => JSON.parse(line));
};
const record = (length: number) => ({ id: 'x'.repeat(length - '{"id":""}\n'.length) });

describe('the spool', () => {
  test('has a record in its file once append resolves, and one write carries a whole tick', async () => {
    const disk = smallDisk(Infinity);
    const spool = new EventSpool({ directory, clock, files: disk });
    const writes = disk.counted.writes;
    await Promise.all([spool.append({ id: 'a' }), spool.append({ id: 'b' })]);
    expect(disk.counted.writes - writes).toBe(1);
    expect(files()).toHaveLength(1);
    expect(inFiles().trimEnd()).toBe('{"id":"a"}\n{"id":"b"}');
    expect(statSync(join(directory, files()[0] ?? '')).mode & 0o777).toBe(0o600);
    spool.close();
    expect(inFiles()).toBe('{"id":"a"}\n{"id":"b"}\n');
  });
  test('refuses a record the bus would never carry, and takes the next (R74)', async () => {
    const spool = new EventSpool({ directory, clock, maxRecordBytes: 100 });
    await expect(spool.append({ id: 'x'.repeat(200) })).rejects.toMatchObject({ code: 'event_too_large' });
    await spool.append({ id: 'a' });
    expect(spool.state).toEqual({ accepting: true });
    spool.close();
  });
  test('takes a record that is JSON already, and tells what became of it after it has returned', async () => {
    const spool = new EventSpool({ directory, clock, ...small, maxBytes: 100, maxRecordBytes: 60 });
    const told: [string, string | undefined][] = [];
    const append = (json: string) => spool.appendLine(json, {}, (error) => told.push([json, error?.code]));
    const lines = ['a', 'x'.repeat(60), 'b'.repeat(40), 'c'.repeat(45)].map((id) => JSON.stringify({ id }));
    lines.forEach(append);
    expect(told).toEqual([]);
    await until(() => told.length === 4);
    expect(new Map(told)).toEqual(
      new Map([
        [lines[0], undefined],
        [lines[1], 'event_too_large'],
        [lines[2], undefined],
        [lines[3], 'event_spool_full'],
      ]),
    );
    expect(inFiles().trimEnd()).toBe(`${lines[0]}\n${lines[2]}`);
    spool.close();
  });
  test('goes on in another file when one is full, and never parts a record', async () => {
    const spool = new EventSpool({ directory, clock, ...small });
    for (let i = 0; i < 3; i++) await spool.append(record(40));
    expect(spool.segments().map(({ bytes, open }) => [bytes, open])).toEqual([
      [80, false],
      [40, true],
    ]);
    spool.close();
  });
  test('says clearly that it is full, refuses, and recovers when room is made', async () => {
    const states: SpoolState[] = [];
    const spool = new EventSpool({ directory, clock, ...small, onState: (state) => states.push(state) });
    for (let i = 0; i < 4; i++) await spool.append(record(50));
    const refused = await failureOf(spool.append(record(50)));
    expect(refused).toBeInstanceOf(SallyportError);
    expect(refused).toMatchObject({ code: 'event_spool_full' });
    expect([spool.state, spool.reserve()]).toEqual([{ accepting: false, reason: 'full' }, undefined]);
    spool.release(spool.segments()[0]?.path ?? '');
    await spool.append(record(50));
    expect(states).toEqual([{ accepting: false, reason: 'full' }, { accepting: true }]);
    spool.close();
  });
  test('empties its file once all of it was shipped, without another file', async () => {
    const disk = smallDisk(Infinity);
    const spool = new EventSpool({ directory, clock, files: disk });
    for (const id of ['a', 'b', 'c']) {
      await spool.append({ id });
      spool.release(spool.segments()[0]?.path ?? '');
    }
    expect([disk.counted.made, spool.bytes, inFiles().trim()]).toEqual([1, 0, '']);
    spool.close();
    expect(files()).toEqual([]);
  });
  test('keeps half of itself from records that yield (S33)', async () => {
    const spool = new EventSpool({ directory, clock, ...small });
    const outcomes = [];
    for (let i = 0; i < 4; i++) outcomes.push(await failureOf(spool.append(record(40), { yields: true })));
    expect(outcomes).toEqual([
      undefined,
      undefined,
      expect.objectContaining({ code: 'event_spool_full' }),
      expect.objectContaining({ code: 'event_spool_full' }),
    ]);
    expect(spool.state).toEqual({ accepting: true });
    await spool.append(record(40));
    spool.close();
  });
});

describe('a spool that nothing is shipped from', () => {
  const fill = async (spool: EventSpool, owner: string) => {
    let appended = 0;
    while (!spool.isFullOf(owner) && appended < 100) {
      await spool.append(record(40), { owner });
      appended += 1;
    }
    return appended;
  };
  const open = () => new EventSpool({ directory, clock, segmentBytes: 100, reservedBytes: 20, maxBytes: 4_000 });

  test('is full for whom it is full of, and has room for others (S32)', async () => {
    const spool = open();
    // 51 of them are more than half; of the 1,960 bytes that are left, an eighth is 245.
    expect(await fill(spool, 'alice')).toBe(51);
    expect(await failureOf(spool.append(record(40), { owner: 'alice' }))).toMatchObject({ code: 'event_spool_full' });
    expect(spool.state).toEqual({ accepting: true });
    expect([await fill(spool, 'bob'), await fill(spool, 'carol'), spool.isFullOf('dave')]).toEqual([6, 5, false]);
    spool.close();
  });
  test('takes the record of what ran all the same, and all of theirs again once theirs are shipped', async () => {
    const spool = open();
    const room = spool.reserve();
    await fill(spool, 'alice');
    await spool.append(record(20), { room, owner: 'alice' });
    for (const { path } of spool.segments().slice(0, 4)) spool.release(path);
    expect(spool.isFullOf('alice')).toBe(false);
    for (const { path } of spool.segments()) spool.release(path);
    expect([await fill(spool, 'bob'), spool.isFullOf('alice')]).toEqual([51, false]);
    spool.close();
  });
});

describe('room that is set aside before a call is sent', () => {
  test('is there when the disk is full by then, for as many records as there is room for and no more (R74)', async () => {
    const disk = smallDisk(100);
    const spool = new EventSpool({ directory, clock, ...small, files: disk });
    const rooms = Array.from({ length: 6 }, () => spool.reserve());
    expect(rooms.map((room) => room !== undefined)).toEqual([true, true, true, true, true, false]);
    expect(spool.state).toEqual({ accepting: false, reason: 'disk-full', code: 'ENOSPC' });
    disk.bytes = 0;
    await Promise.all(rooms.slice(0, 5).map((room) => spool.append(record(20), { room })));
    expect(inFiles()).toBe(`${JSON.stringify(record(20))}\n`.repeat(5));
    spool.close();
  });
  test('is not taken by records that have none (R74)', async () => {
    const spool = new EventSpool({ directory, clock, ...small, maxBytes: 100 });
    const room = spool.reserve();
    for (let i = 0; i < 4; i++) await spool.append(record(20));
    expect(await failureOf(spool.append(record(20)))).toMatchObject({ code: 'event_spool_full' });
    await spool.append(record(20), { room });
    spool.close();
  });
  test('counts also when one large record ends a file early', async () => {
    const spool = new EventSpool({ directory, clock, ...small });
    const rooms = Array.from({ length: 3 }, () => spool.reserve());
    await spool.append(record(30));
    // It would have to go into a second file, and leave 70 bytes of the first and 10 of the second: room for none of the three.
    expect(await failureOf(spool.append(record(90)))).toMatchObject({ code: 'event_spool_full' });
    await Promise.all(rooms.map((room) => spool.append(record(20), { room })));
    spool.close();
  });
  test('is given back by a call that needed none, once', () => {
    const spool = new EventSpool({ directory, clock, ...small, maxBytes: 100 });
    const rooms = Array.from({ length: 5 }, () => spool.reserve());
    rooms[0]?.release();
    rooms[0]?.release();
    expect([spool.reserve() === undefined, spool.reserve() === undefined]).toEqual([false, true]);
    spool.close();
  });
});

describe('a disk that refuses', () => {
  test.each(['EIO', 'EROFS', 'EDQUOT', 'ENOSPC'])(
    'with %s: the records of what ran are kept, nothing new may begin, and they are written once it takes them (R74)',
    async (code) => {
      let now = 0;
      const disk = smallDisk(1_000);
      const spool = new EventSpool({ directory, clock: () => now, ...small, files: disk });
      const room = spool.reserve();
      disk.fails = code;
      expect(await failureOf(spool.append({ id: 'ran' }, { room }))).toMatchObject({ code: 'event_spool_failed' });
      expect(spool.state).toMatchObject({ accepting: false, code });
      expect([spool.reserve(), await failureOf(spool.append({ id: 'new' }))]).toMatchObject([
        undefined,
        { code: 'event_spool_failed' },
      ]);
      disk.fails = undefined;
      now += 1_000;
      spool.recover();
      expect(spool.state).toEqual({ accepting: true });
      await spool.append({ id: 'later' });
      expect(inFiles().trimEnd()).toBe('{"id":"ran"}\n{"id":"later"}');
      spool.close();
    },
  );
  test('leaves no file behind, and is asked again once a second, however often somebody wants to know', async () => {
    let now = 0;
    const disk = smallDisk(50);
    const spool = new EventSpool({ directory, clock: () => now, ...small, files: disk });
    for (let i = 0; i < 1_000; i++) {
      spool.recover();
      spool.reserve();
      await spool.append({ id: i }).catch(() => undefined);
    }
    expect([disk.counted.made, files(), spool.state]).toEqual([
      1,
      [],
      { accepting: false, reason: 'disk-full', code: 'ENOSPC' },
    ]);
    now += 1_000;
    spool.recover();
    expect(disk.counted.made).toBe(2);
    disk.bytes = 100;
    now += 1_000;
    spool.recover();
    expect(spool.state).toEqual({ accepting: true });
    spool.close();
  });
  test('is used as far as it goes: a file may be smaller than the others', async () => {
    const disk = smallDisk(200 * 1024);
    const spool = new EventSpool({ directory, clock, files: disk });
    const rooms = Array.from({ length: 26 }, () => spool.reserve());
    expect(rooms.filter((room) => room !== undefined)).toHaveLength(25);
    spool.close();
  });
  test('of descriptors: a process without any goes on in the files it has open, and says why it then refuses', async () => {
    const disk = smallDisk(Infinity);
    const spool = new EventSpool({ directory, clock, ...small, files: disk });
    disk.makingFails = 'EMFILE';
    for (let i = 0; i < 5; i++) await spool.append(record(20));
    expect(spool.reserve()).toBeUndefined();
    expect(spool.state).toEqual({ accepting: false, reason: 'write-failed', code: 'EMFILE' });
    spool.close();
  });
  test('to write half of a line keeps the lines before it, and no half', async () => {
    const disk = smallDisk(Infinity);
    const spool = new EventSpool({ directory, clock, files: disk });
    await spool.append({ id: 'a' });
    const write = disk.write;
    let calls = 0;
    const halfway: SpoolFiles['write'] = (descriptor, bytes, offset, length, position) => {
      if (calls++ > 0) throw Object.assign(new Error('gone'), { code: 'EIO' });
      return write(descriptor, bytes, offset, 5, position);
    };
    Object.assign(disk, { write: halfway });
    expect(await failureOf(spool.append({ id: 'b' }))).toMatchObject({ code: 'event_spool_failed' });
    spool.close();
    expect(inFiles()).toBe('{"id":"a"}\n');
  });
  test('to let go of a file is asked again, and holds up nobody else (R74)', async () => {
    const disk = smallDisk(Infinity);
    const spool = new EventSpool({ directory, clock, ...small, maxBytes: 1_000, files: disk });
    for (let i = 0; i < 4; i++) await spool.append(record(50));
    disk.fails = 'EROFS';
    const shipped: unknown[] = [];
    const shipper = new EventShipper({
      spool,
      publish: async (lines) => void shipped.push(...recordsOf(lines)),
      intervalMs: 5,
    });
    shipper.start();
    await until(() => shipped.length === 4);
    disk.fails = undefined;
    await shipper.stop();
    expect(files()).toEqual([]);
  });
});

describe('the shipper', () => {
  test('publishes in order and in batches, and leaves nothing on disk', async () => {
    const spool = new EventSpool({ directory, clock });
    const batches: unknown[][] = [];
    const shipper = new EventShipper({
      spool,
      publish: async (lines) => {
        batches.push(recordsOf(lines));
      },
      intervalMs: 5,
      batchBytes: 25,
    });
    await Promise.all(['a', 'b', 'c'].map((id) => spool.append({ id })));
    shipper.start();
    await until(() => batches.flat().length === 3);
    expect(batches).toEqual([[{ id: 'a' }, { id: 'b' }], [{ id: 'c' }]]);
    await shipper.stop();
    expect(files()).toEqual([]);
  });
  test('backs off while publishing fails, loses nothing and keeps the order', async () => {
    const spool = new EventSpool({ directory, clock });
    const published: unknown[] = [];
    const waits: number[] = [];
    let broken = true;
    const shipper = new EventShipper({
      spool,
      intervalMs: 5,
      onFailure: (_error, wait) => waits.push(wait),
      publish: async (lines) => {
        if (broken) throw new Error('no bus');
        published.push(...recordsOf(lines));
      },
    });
    shipper.start();
    await spool.append({ id: 'a' });
    await until(() => waits.length >= 2);
    expect(shipper.failing).toBe(true);
    expect(waits[1]).toBeGreaterThan(waits[0] ?? Infinity);
    await spool.append({ id: 'b' });
    broken = false;
    await until(() => published.length === 2);
    expect(published).toEqual([{ id: 'a' }, { id: 'b' }]);
    await shipper.stop();
  });
  test.each([
    [
      'a full one that memory does not have: says what is lost',
      0,
      { memoryBytes: 0 },
      { published: 3, lost: true, removed: false },
    ],
    ['a full one: ships it from memory', 0, {}, { published: 5, lost: false, removed: false }],
    [
      'the one that is written to: ships it from memory and says so',
      1,
      {},
      { published: 5, lost: false, removed: true },
    ],
  ])('goes on when somebody removed a file, %s', async (_which, place, memory, expected) => {
    const spool = new EventSpool({
      directory,
      clock,
      segmentBytes: 100,
      reservedBytes: 20,
      maxBytes: 1_000,
      ...memory,
    });
    for (const id of ['a', 'b', 'c', 'd']) await spool.append({ id: id.repeat(30) });
    const published: unknown[] = [];
    const [lost, removed]: [[string, number][], string[]] = [[], []];
    const shipper = new EventShipper({
      spool,
      publish: async (lines) => {
        published.push(...recordsOf(lines));
      },
      intervalMs: 5,
      onLost: (...what) => lost.push(what),
      onRemoved: (path) => removed.push(path),
    });
    const segment = spool.segments()[place];
    unlinkSync(segment?.path ?? '');
    shipper.start();
    await until(() => published.length >= 2 && spool.bytes === 0);
    await spool.append({ id: 'after' });
    await until(() => published.some((one) => JSON.stringify(one).includes('after')));
    expect({ published: published.length, lost, removed, failing: shipper.failing }).toEqual({
      published: expected.published,
      lost: expected.lost ? [[segment?.path, segment?.bytes]] : [],
      removed: expected.removed ? [segment?.path] : [],
      failing: false,
    });
    await shipper.stop();
  });
  test('ships what memory has without reading it again, and reads what memory has no room for', async () => {
    const spool = new EventSpool({
      directory,
      clock,
      segmentBytes: 100,
      reservedBytes: 20,
      maxBytes: 1_000,
      memoryBytes: 200,
    });
    for (const id of ['a', 'b', 'c', 'd', 'e']) await spool.append({ id: id.repeat(60) });
    // On disk each now says something else.
    for (const { path, bytes } of spool.segments()) writeFileSync(path, `${JSON.stringify('x'.repeat(bytes - 3))}\n`);
    const published: unknown[] = [];
    const publish = async (lines: Buffer) => void published.push(...recordsOf(lines));
    const shipper = new EventShipper({ spool, publish, intervalMs: 5 });
    shipper.start();
    await until(() => published.length === 5);
    expect(published.map((one) => JSON.stringify(one).slice(0, 8))).toEqual([
      '{"id":"a',
      '{"id":"b',
      '"xxxxxxx',
      '"xxxxxxx',
      '{"id":"e',
    ]);
    expect(spool.records).toBe(0);
    await shipper.stop();
  });
  test('lets records gather for as long as it is told to while many come', async () => {
    const spool = new EventSpool({ directory, clock });
    const published: unknown[] = [];
    const publish = async (lines: Buffer) => void published.push(...recordsOf(lines));
    // Only the pause of a busy shipper ends while this test runs.
    const shipper = new EventShipper({ spool, publish, intervalMs: 1_000_000, busyIntervalMs: 5 });
    for (const id of ['a', 'b']) await spool.append({ id: id.repeat(40_000) });
    shipper.start();
    await until(() => published.length === 2);
    await spool.append({ id: 'c' });
    await until(() => published.length === 3);
    await spool.append({ id: 'd' });
    await shipper.stop();
    expect(published).toHaveLength(4);
  });
  test('tells what waits: records, bytes, and for how long at most, until they are published', async () => {
    let now = 1_000;
    const spool = new EventSpool({ directory, clock: () => now });
    for (const id of ['a', 'b', 'c']) await spool.append({ id });
    let go: () => void = () => undefined;
    const first = new Promise<void>((resolve) => (go = resolve));
    const batches: number[] = [];
    const publish = async (lines: Buffer) => {
      batches.push(recordsOf(lines).length);
      if (batches.length > 1) await first;
    };
    const shipper = new EventShipper({ spool, publish, intervalMs: 5, batchBytes: 25, clock: () => now });
    now += 500;
    expect(shipper.waiting()).toEqual({ records: 3, bytes: 33, ageMs: 500 });
    shipper.start();
    await until(() => batches.length === 2);
    expect(shipper.waiting()).toEqual({ records: 1, bytes: 11, ageMs: 500 });
    go();
    await until(() => spool.bytes === 0);
    expect(shipper.waiting()).toEqual({ records: 0, bytes: 0, ageMs: 0 });
    // It has caught up at 1,500 or later: what waits now does so for no longer.
    now += 100;
    await shipper.stop();
    expect(shipper.waiting()).toEqual({ records: 0, bytes: 0, ageMs: 0 });
  });
  test('tells for how long a record waits while nothing can be shipped, also one of a former process', async () => {
    writeFileSync(join(directory, '00000000000400-00000000.ndjson'), '{"id":"a"}\n');
    let now = 1_000;
    const spool = new EventSpool({ directory, clock: () => now });
    let isAway = true;
    const publish = async () => {
      if (isAway) throw new Error('no bus');
    };
    const shipper = new EventShipper({ spool, publish, intervalMs: 5, maxBackoffMs: 5, clock: () => now });
    shipper.start();
    await until(() => shipper.failing);
    expect(shipper.waiting()).toEqual({ records: 0, bytes: 11, ageMs: 600 });
    isAway = false;
    await until(() => !shipper.failing);
    isAway = true;
    await spool.append({ id: 'b' });
    await until(() => shipper.failing);
    now += 7_000;
    expect(shipper.waiting()).toEqual({ records: 1, bytes: 11, ageMs: 7_000 });
    await shipper.stop();
  });
  test('tells once of a file that is damaged throughout, not of each line', async () => {
    writeFileSync(join(directory, '01700000000000-00000000.ndjson'), `${'no record\n'.repeat(50)}{"id":"a"}\n`);
    const spool = new EventSpool({ directory, clock });
    const [published, damaged]: [unknown[], number[]] = [[], []];
    const shipper = new EventShipper({
      spool,
      publish: async (lines) => {
        published.push(...recordsOf(lines));
      },
      intervalMs: 5,
      onDamaged: (_path, lines) => damaged.push(lines),
    });
    shipper.start();
    await until(() => published.length === 1);
    expect(damaged).toEqual([50]);
    await shipper.stop();
  });
  test('ships at the next start what the last process left, and skips its torn last line', async () => {
    writeFileSync(join(directory, '01700000000000-00000000.ndjson'), '{"id":"a"}\n{"id":"b"}\n{"id":"c","to');
    const spool = new EventSpool({ directory, clock });
    const published: unknown[] = [];
    const damaged: string[] = [];
    const shipper = new EventShipper({
      spool,
      publish: async (lines) => {
        published.push(...recordsOf(lines));
      },
      intervalMs: 5,
      onDamaged: (path) => damaged.push(path),
    });
    await spool.append({ id: 'd' });
    shipper.start();
    await until(() => published.length === 3);
    expect(published).toEqual([{ id: 'a' }, { id: 'b' }, { id: 'd' }]);
    expect(damaged).toHaveLength(1);
    await shipper.stop();
    expect(files()).toEqual([]);
  });
  test('skips a damaged line in the middle', async () => {
    const path = join(directory, '01700000000000-00000000.ndjson');
    writeFileSync(path, '{"id":"a"}\n');
    appendFileSync(path, '\u0000\u0000garbage\n{"id":"b"}\n');
    const spool = new EventSpool({ directory, clock });
    const published: unknown[] = [];
    const shipper = new EventShipper({
      spool,
      publish: async (lines) => {
        published.push(...recordsOf(lines));
      },
      intervalMs: 5,
    });
    shipper.start();
    await until(() => published.length === 2);
    await shipper.stop();
    expect(published).toEqual([{ id: 'a' }, { id: 'b' }]);
  });
  test('sends one record that is larger than a batch by itself', async () => {
    const spool = new EventSpool({ directory, clock });
    const published: unknown[] = [];
    const shipper = new EventShipper({
      spool,
      publish: async (lines) => {
        published.push(...recordsOf(lines));
      },
      intervalMs: 5,
      batchBytes: 16,
    });
    await spool.append({ id: 'x'.repeat(100) });
    await spool.append({ id: 'b' });
    shipper.start();
    await until(() => published.length === 2);
    await shipper.stop();
  });
  test('finds what was appended by a spool that was never closed, as after a kill', async () => {
    const killed = new EventSpool({ directory, clock });
    await Promise.all(Array.from({ length: 50 }, (_, id) => killed.append({ id })));
    const spool = new EventSpool({ directory, clock });
    const published: unknown[] = [];
    const shipper = new EventShipper({
      spool,
      publish: async (lines) => {
        published.push(...recordsOf(lines));
      },
      intervalMs: 5,
    });
    shipper.start();
    await until(() => published.length === 50);
    await shipper.stop();
    expect(files()).toEqual([]);
    killed.close();
  });
  test('ships from memory what no disk took (R74)', async () => {
    const disk = smallDisk(Infinity);
    const spool = new EventSpool({ directory, clock, ...small, files: disk });
    const room = spool.reserve();
    disk.fails = 'EIO';
    await failureOf(spool.append({ id: 'ran' }, { room }));
    const published: unknown[] = [];
    let broken = true;
    const publish = async (lines: Buffer) => {
      if (broken) throw new Error('no bus');
      published.push(...recordsOf(lines));
    };
    const shipper = new EventShipper({ spool, publish, intervalMs: 5, maxBackoffMs: 5 });
    shipper.start();
    await until(() => shipper.failing);
    broken = false;
    await until(() => published.length > 0);
    await shipper.stop();
    expect(published).toEqual([{ id: 'ran' }]);
  });
  test('waits between its rounds when the disk is full from the start, and lets others run', async () => {
    const disk = smallDisk(0);
    let now = 0;
    const spool = new EventSpool({ directory, clock: () => now, files: disk });
    const published: unknown[] = [];
    const shipper = new EventShipper({
      spool,
      publish: async (lines) => void published.push(...recordsOf(lines)),
      intervalMs: 5,
    });
    shipper.start();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
    expect([disk.counted.made, files()]).toEqual([1, []]);
    disk.bytes = Infinity;
    now += 1_000;
    spool.recover();
    await spool.append({ id: 'a' });
    await until(() => published.length === 1);
    await shipper.stop();
  });
});
