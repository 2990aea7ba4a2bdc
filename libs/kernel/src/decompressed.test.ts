import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { decompressed, isKnownCoding } from './decompressed.js';

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}
async function textOf(body: AsyncIterable<Uint8Array> | undefined): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body ?? []) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}
const text = '{"text":"grün"}'.repeat(1_000);

test.each([
  ['gzip', gzipSync(text)],
  ['X-GZIP', gzipSync(text)],
  ['deflate', deflateSync(text)],
  ['br', brotliCompressSync(text)],
  ['gzip, br', brotliCompressSync(gzipSync(text))],
  ['identity', Buffer.from(text)],
  ['', Buffer.from(text)],
  [undefined, Buffer.from(text)],
])('a body of %s is read as it was meant, in whatever pieces it comes', async (coding, bytes) => {
  for (const size of [1, 7, bytes.length]) expect(await textOf(decompressed(inPieces(bytes, size), coding))).toBe(text);
});

test('what nobody can read is said to be so', () => {
  for (const coding of ['zstd', 'gzip, zstd', 'gzip, gzip, gzip'])
    expect([isKnownCoding(coding), decompressed(inPieces(Buffer.from(text), 10), coding)]).toEqual([false, undefined]);
});

test('a body that is not what it says, or breaks off, is an error', async () => {
  await expect(textOf(decompressed(inPieces(Buffer.from(text), 100), 'gzip'))).rejects.toThrow(
    /incorrect header check|unexpected end of file/,
  );
  await expect(textOf(decompressed(inPieces(gzipSync(text).subarray(0, 40), 100), 'gzip'))).rejects.toThrow(
    /incorrect header check|unexpected end of file/,
  );
  await expect(
    textOf(
      decompressed(
        (async function* () {
          yield gzipSync(text).subarray(0, 20);
          throw new Error('cut');
        })(),
        'gzip',
      ),
    ),
  ).rejects.toThrow('cut');
});

test('a little that becomes very much is handed on in small pieces, and ends when nobody wants more (S33)', async () => {
  const bomb = gzipSync(Buffer.alloc(200_000_000));
  let taken = 0;
  let isEnded = false;
  const body = (async function* () {
    try {
      yield* inPieces(bomb, 65_536);
    } finally {
      isEnded = true;
    }
  })();
  const before = process.memoryUsage().rss;
  for await (const piece of decompressed(body, 'gzip') ?? []) {
    expect(piece.length).toBeLessThanOrEqual(65_536);
    taken += piece.length;
    if (taken > 1_000_000) break;
  }
  await expect.poll(() => isEnded).toBe(true);
  expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000);
});
