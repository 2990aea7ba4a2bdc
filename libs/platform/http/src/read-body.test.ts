import { expect, test } from 'vitest';
import { BytesInFlight } from './bytes-in-flight.js';
import { readBody } from './read-body.js';

async function* inPieces(text: string, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < text.length; at += length) yield Buffer.from(text.slice(at, at + length));
}
const text = 'a'.repeat(1_000) + 'b'.repeat(500);

test.each([
  [1_500, '1500'],
  [1, '1500'],
  [1, undefined],
  [700, undefined],
  [1_500, undefined],
])('a body in pieces of %i bytes, announced as %s, is whole (S33)', async (piece, contentLength) => {
  const bytes = new BytesInFlight({ total: 10_000 });
  const held = bytes.open('alice');
  const body = await readBody({ chunks: inPieces(text, piece), contentLength }, 2_000, held);
  expect(typeof body === 'string' ? body : Buffer.from(body).toString()).toBe(text);
  expect(bytes.held).toBeGreaterThanOrEqual(1_500);
  expect(bytes.held).toBeLessThanOrEqual(2_000);
  held.release();
  expect(bytes.held).toBe(0);
});

test('nothing is read of a body that announces more than there is room for (S33)', async () => {
  let read = 0;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (;;) yield Buffer.alloc(((read += 1), 100));
  }
  const bytes = new BytesInFlight({ perOwner: 1_000, total: 1_500 });
  const outcome = async (owner: string, contentLength: string) =>
    await readBody({ chunks: chunks(), contentLength }, 2_000, bytes.open(owner));
  expect(await outcome('alice', '2001')).toBe('too-large');
  expect(await outcome('alice', '1001')).toBe('own-limit');
  bytes.open('bob').take(700);
  expect(await outcome('alice', '900')).toBe('all-limit');
  expect(read).toBe(0);
});

test('a body that announces nothing is read as far as there is room (S33)', async () => {
  let read = 0;
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (;;) yield Buffer.alloc(((read += 100), 100));
  }
  const outcome = async (maxBytes: number, perOwner: number) =>
    await readBody(
      { chunks: chunks(), contentLength: undefined },
      maxBytes,
      new BytesInFlight({ perOwner, total: 10_000 }).open('alice'),
    );
  expect([await outcome(1_000, 5_000), read]).toEqual(['too-large', 1_100]);
  read = 0;
  expect(await outcome(5_000, 1_000)).toBe('own-limit');
  expect(read).toBeLessThanOrEqual(1_100);
});

test('a body in a million pieces costs what it weighs (S33)', async () => {
  const one = Buffer.of(0x20);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 1_000_000; i++) yield Buffer.from(one);
  }
  const bytes = new BytesInFlight({ total: 10_000_000 });
  const body = await readBody({ chunks: chunks(), contentLength: undefined }, 2_000_000, bytes.open('alice'));
  expect(body).toHaveLength(1_000_000);
  // In one buffer of its own: pieces that are kept until the end are a hundred times that.
  expect(body instanceof Uint8Array && body.buffer.byteLength).toBeLessThanOrEqual(bytes.held);
});
