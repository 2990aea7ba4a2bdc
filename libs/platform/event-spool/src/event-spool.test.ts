import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SallyportError } from '@sallyport/kernel';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EventShipper, EventSpool } from './index.js';
import type { SpoolState } from './index.js';

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'sallyport-spool-')); });
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const clock = () => 1_800_000_000_000;
const files = () => readdirSync(directory).sort();
const until = async (holds: () => boolean) => {
  for (let i = 0; !holds(); i++) {
    if (i > 400) throw new Error('it never happened');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

describe('the spool', () => {
  test('has a record in its file once append resolves, and one write carries a whole tick', async () => {
    const spool = new EventSpool({ directory, clock });
    await Promise.all([spool.append({ id: 'a' }), spool.append({ id: 'b' })]);
    expect(files()).toHaveLength(1);
    expect(readFileSync(join(directory, files()[0] ?? ''), 'utf8')).toBe('{"id":"a"}\n{"id":"b"}\n');
    expect(statSync(join(directory, files()[0] ?? '')).mode & 0o777).toBe(0o600);
    spool.close();
  });
  test('refuses a record the bus would never carry, and takes the next (R74)', async () => {
    const spool = new EventSpool({ directory, clock, maxRecordBytes: 100 });
    await expect(spool.append({ id: 'x'.repeat(200) })).rejects.toMatchObject({ code: 'event_too_large' });
    await spool.append({ id: 'a' });
    expect(spool.state).toEqual({ accepting: true });
    spool.close();
  });
  test('accepts again once there is room or the disk writes again, without waiting for a call', async () => {
    const spool = new EventSpool({ directory, clock, maxBytes: 40, segmentBytes: 20 });
    await spool.append({ id: 'aaaaaaaaaa' });
    await expect(spool.append({ id: 'bbbbbbbbbbbbbbb' })).rejects.toMatchObject({ code: 'event_spool_full' });
    spool.remove(spool.segments()[0]?.path ?? '');
    expect(spool.state).toEqual({ accepting: true });

    rmSync(directory, { recursive: true });
    await expect(spool.append({ id: 'c' })).rejects.toMatchObject({ code: 'event_spool_failed' });
    spool.recover();
    expect(spool.state).toEqual({ accepting: false, reason: 'write-failed' });
    mkdirSync(directory);
    spool.recover();
    expect(spool.state).toEqual({ accepting: true });
    await spool.append({ id: 'd' });
    const shipped: unknown[] = [];
    const shipper = new EventShipper({ spool, publish: async (records) => void shipped.push(...records) });
    await shipper.stop();
    expect(shipped).toEqual([{ id: 'd' }]);
  });
  test('starts a new segment at the size limit', async () => {
    const spool = new EventSpool({ directory, clock, segmentBytes: 20 });
    for (const id of ['aaaaaaaaaa', 'bbbbbbbbbb', 'cccccccccc']) await spool.append({ id });
    expect(files()).toHaveLength(3);
    spool.close();
  });
  test('says clearly that it is full, refuses, and recovers when room is made', async () => {
    const states: SpoolState[] = [];
    const spool = new EventSpool({ directory, clock, maxBytes: 40, segmentBytes: 20, onState: (state) => states.push(state) });
    await spool.append({ id: 'aaaaaaaaaa' });
    await spool.append({ id: 'bbbbbb' });
    const refused = await spool.append({ id: 'cccccccccc' }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(SallyportError);
    expect(refused).toMatchObject({ code: 'event_spool_full' });
    expect(spool.state).toEqual({ accepting: false, reason: 'full' });
    spool.remove(spool.segments()[0]?.path ?? '');
    await spool.append({ id: 'd' });
    expect(states).toEqual([{ accepting: false, reason: 'full' }, { accepting: true }]);
    spool.close();
  });
  test('says so when the disk refuses', async () => {
    const spool = new EventSpool({ directory, clock });
    rmSync(directory, { recursive: true });
    expect(await spool.append({ id: 'a' }).catch((error: unknown) => error)).toMatchObject({ code: 'event_spool_failed' });
    expect(spool.state).toEqual({ accepting: false, reason: 'write-failed' });
  });
});

describe('the shipper', () => {
  test('publishes in order and in batches, and leaves nothing on disk', async () => {
    const spool = new EventSpool({ directory, clock });
    const batches: unknown[][] = [];
    const shipper = new EventShipper({ spool, publish: async (records) => { batches.push([...records]); }, intervalMs: 5, batchRecords: 2 });
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
      spool, intervalMs: 5, onFailure: (_error, wait) => waits.push(wait),
      publish: async (records) => { if (broken) throw new Error('no bus'); published.push(...records); },
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
  test('ships at the next start what the last process left, and skips its torn last line', async () => {
    writeFileSync(join(directory, '01700000000000-00000000.ndjson'), '{"id":"a"}\n{"id":"b"}\n{"id":"c","to');
    const spool = new EventSpool({ directory, clock });
    const published: unknown[] = [];
    const damaged: string[] = [];
    const shipper = new EventShipper({ spool, publish: async (records) => { published.push(...records); }, intervalMs: 5, onDamagedLine: (path) => damaged.push(path) });
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
    const shipper = new EventShipper({ spool, publish: async (records) => { published.push(...records); }, intervalMs: 5 });
    shipper.start();
    await until(() => published.length === 2);
    await shipper.stop();
    expect(published).toEqual([{ id: 'a' }, { id: 'b' }]);
  });
  test('sends one record that is larger than a batch by itself', async () => {
    const spool = new EventSpool({ directory, clock });
    const published: unknown[] = [];
    const shipper = new EventShipper({ spool, publish: async (records) => { published.push(...records); }, intervalMs: 5, batchBytes: 16 });
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
    const shipper = new EventShipper({ spool, publish: async (records) => { published.push(...records); }, intervalMs: 5 });
    shipper.start();
    await until(() => published.length === 50);
    await shipper.stop();
    expect(files()).toEqual([]);
    killed.close();
  });
});
