import { Readable } from 'node:stream';
import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** Whether `decompressed` can read it. @param contentEncoding the header's value */
export const isKnownCoding = (contentEncoding: string | undefined): boolean =>
  codingsOf(contentEncoding).every((coding) => coding in DECODERS) && codingsOf(contentEncoding).length <= MAX_CODINGS;

/** In the order in which they were applied. */
const codingsOf = (contentEncoding = ''): string[] =>
  contentEncoding
    .split(',')
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== '' && coding !== 'identity');

/** More than anybody has a reason for; each is work. */
const MAX_CODINGS = 2;

/**
 * A body as its sender meant it (RFC 9110 section 8.4). What comes out is handed on in small pieces, as fast as they
 * are taken: whoever counts them is never handed much more than what they allow.
 * @param contentEncoding the header's value
 * @returns `undefined` for a coding that is not known here
 */
export function decompressed(
  body: AsyncIterable<Uint8Array>,
  contentEncoding: string | undefined,
): AsyncIterable<Uint8Array> | undefined {
  if (!isKnownCoding(contentEncoding)) return undefined;
  return codingsOf(contentEncoding)
    .toReversed()
    .reduce((decoded, coding) => {
      const make = DECODERS[coding];
      return make === undefined ? decoded : through(decoded, make);
    }, body);
}

/** Nothing is begun before it is asked for, and all of it ends when nobody asks any more. */
async function* through(body: AsyncIterable<Uint8Array>, make: () => Transform): AsyncGenerator<Uint8Array> {
  const source = Readable.from(body, { objectMode: false, highWaterMark: 1 });
  const decoder = make();
  source.on('error', (error) => decoder.destroy(error)).pipe(decoder);
  try {
    for await (const piece of decoder) yield piece as Uint8Array;
  } finally {
    source.destroy();
    decoder.destroy();
  }
}
