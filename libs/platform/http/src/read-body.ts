import type { BytesRefusal, HeldBytes } from './bytes-in-flight.js';

export type BodyRefusal = BytesRefusal | 'too-large';

export interface BodyToRead {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The `content-length` header; undefined when the body arrives in chunks. */
  readonly contentLength: string | undefined;
}

/**
 * Reads a whole body, or says why not. It takes room for all of the body first where `content-length` announces its
 * size, and for each part as it arrives otherwise (security rule S33). It gathers the bytes in one buffer, so a body in
 * pieces of one byte costs no more than any other. It stops reading at a limit. The caller releases `held`.
 */
export async function readBody(
  { chunks, contentLength }: BodyToRead,
  maxBytes: number,
  held: HeldBytes,
): Promise<Uint8Array | BodyRefusal> {
  const announced = contentLength === undefined ? undefined : Number(contentLength);
  if ((announced ?? 0) > maxBytes) return 'too-large';
  let room = announced ?? 0;
  const refusal = room > 0 ? held.take(room) : undefined;
  if (refusal !== undefined) return refusal;

  let bytes: Uint8Array = NOTHING;
  let size = 0;
  for await (const chunk of chunks) {
    const needed = size + chunk.length;
    if (needed > maxBytes) return 'too-large';
    if (needed > room) {
      const grown = Math.min(maxBytes, Math.max(needed, 2 * room));
      const refused = held.take(grown - room);
      if (refused !== undefined) return refused;
      room = grown;
    }
    if (size === 0) bytes = chunk;
    else {
      if (bytes.length < needed) bytes = copyOf(bytes, size, room);
      bytes.set(chunk, size);
    }
    size = needed;
  }
  return bytes.subarray(0, size);
}

const NOTHING = new Uint8Array(0);

function copyOf(bytes: Uint8Array, size: number, room: number): Uint8Array {
  const copy = Buffer.allocUnsafeSlow(room);
  copy.set(bytes.subarray(0, size));
  return copy;
}
