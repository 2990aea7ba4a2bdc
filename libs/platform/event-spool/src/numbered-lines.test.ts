import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RecordNumbers } from '@sallyport/kernel';
import { expect, test } from 'vitest';
import { EventSpool } from './event-spool.js';
import { smallDisk } from './testing/small-disk.js';

const clock = () => 1_800_000_000_000;

async function inSpool(run: (directory: string) => Promise<void>): Promise<Record<string, unknown>[]> {
  const directory = mkdtempSync(join(tmpdir(), 'sallyport-numbers-'));
  try {
    await run(directory);
    return readdirSync(directory)
      .sort()
      .flatMap((name) => readFileSync(join(directory, name), 'utf8').split('\n'))
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test('records have the numbers of their writer in the order they are written, but for those that others write too (R80)', async () => {
  const numbers = new RecordNumbers('gateway-1');
  const written = await inSpool(async (directory) => {
    const spool = new EventSpool({ directory, clock, numbers });
    await spool.append({ id: 'a' });
    await spool.append({ id: 'shared' }, { hasSharedId: true });
    await spool.append({ id: 'b', detail: { n: 7 } });
    spool.close();
  });
  const { writer } = numbers;
  expect(written).toEqual([{ id: 'a', writer, n: 1 }, { id: 'shared' }, { id: 'b', detail: { n: 7 }, writer, n: 2 }]);
});

test('a record that is refused takes no number, so that nobody misses it (R80)', async () => {
  const written = await inSpool(async (directory) => {
    const numbers = new RecordNumbers('gateway-1');
    const sizes = { segmentBytes: 300, reservedBytes: 60, maxBytes: 300 };
    const spool = new EventSpool({ directory, clock, numbers, ...sizes });
    await spool.append({ id: 'a' });
    await expect(spool.append({ id: 'x'.repeat(200) })).rejects.toMatchObject({ code: 'event_spool_full' });
    spool.recover();
    await spool.append({ id: 'b' });
    spool.close();
  });
  expect(written.map(({ id, n }) => [id, n])).toEqual([
    ['a', 1],
    ['b', 2],
  ]);
});

test('a record that the disk refused keeps its number, and is written once under it (R74)', async () => {
  const disk = smallDisk(Infinity);
  const written = await inSpool(async (directory) => {
    const numbers = new RecordNumbers('gateway-1');
    const spool = new EventSpool({ directory, clock, numbers, files: disk });
    const room = spool.reserve();
    disk.fails = 'EIO';
    await expect(spool.append({ id: 'a' }, { room })).rejects.toMatchObject({ code: 'event_spool_failed' });
    expect(spool.takeOwed(10).map((json) => (JSON.parse(json) as { n: number }).n)).toEqual([1]);
    spool.close();
  });
  expect(written).toEqual([]);
});
