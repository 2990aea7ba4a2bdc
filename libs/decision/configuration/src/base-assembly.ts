import type { BaseChunk, Revocation } from './change-set.js';
import type { Document } from './documents.js';

/** Collects the chunks of one base. A chunk of another base discards what was collected. */
export class BaseAssembly {
  #key: string | undefined;
  #chunks = new Map<number, BaseChunk>();

  /** Adds a chunk. @returns the whole base, once no chunk is missing */
  add(chunk: BaseChunk): { epoch: string; revision: number; puts: Document[]; revocations: Revocation[] } | undefined {
    const key = `${chunk.epoch} ${chunk.revision} ${chunk.chunks}`;
    if (key !== this.#key || this.#chunks.has(chunk.chunk)) {
      this.#key = key;
      this.#chunks = new Map();
    }
    if (chunk.chunk >= chunk.chunks) return undefined;
    this.#chunks.set(chunk.chunk, chunk);
    if (this.#chunks.size < chunk.chunks) return undefined;
    const parts = [...this.#chunks.values()].sort((a, b) => a.chunk - b.chunk);
    this.#key = undefined;
    this.#chunks = new Map();
    return {
      epoch: chunk.epoch,
      revision: chunk.revision,
      puts: parts.flatMap((part) => part.puts),
      revocations: parts.flatMap((part) => part.revocations),
    };
  }
}
