import type { BaseChunk, Revocation } from './change-set.js';
import type { Document } from './documents.js';

/** Payload bytes per chunk: base64url and the signature stay well below the bus's limit of 1 MB a message. */
const CHUNK_BYTES = 500_000;

/** Splits a base into as few chunks as the bus allows. An empty base is one empty chunk. */
export function splitBase(
  base: { epoch: string; revision: number; documents: Iterable<Document>; revocations: Iterable<Revocation> },
  chunkBytes: number = CHUNK_BYTES,
): BaseChunk[] {
  const parts: { puts: Document[]; revocations: Revocation[] }[] = [{ puts: [], revocations: [] }];
  let size = 0;
  const room = (item: unknown) => {
    const bytes = Buffer.byteLength(JSON.stringify(item)) + 1;
    if (size > 0 && size + bytes > chunkBytes) {
      parts.push({ puts: [], revocations: [] });
      size = 0;
    }
    size += bytes;
    return parts.at(-1);
  };
  for (const document of base.documents) room(document)?.puts.push(document);
  for (const revocation of base.revocations) room(revocation)?.revocations.push(revocation);
  return parts.map((part, chunk) => ({
    v: 1,
    type: 'base',
    epoch: base.epoch,
    revision: base.revision,
    chunk,
    chunks: parts.length,
    ...part,
  }));
}
