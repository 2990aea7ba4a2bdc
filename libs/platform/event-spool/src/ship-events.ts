import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { EventSpool } from './event-spool.js';

export interface ShipperOptions {
  readonly spool: EventSpool;
  /** Must resolve only when the batch is safe; called again with the same records when it rejects (at least once). */
  readonly publish: (records: readonly unknown[]) => Promise<void>;
  /** How long records may gather before they are sent. Default 50. */
  readonly intervalMs?: number;
  /** Records in one batch. Default 100. */
  readonly batchRecords?: number;
  /** Bytes in one batch; stays below the bus's 1 MB message. Default 256 KiB. */
  readonly batchBytes?: number;
  readonly maxBackoffMs?: number;
  readonly onFailure?: (error: unknown, retryInMs: number) => void;
  /** Lines that are no JSON: the torn last line of a killed process, or a damaged file. Told of once for a batch. */
  readonly onDamaged?: (path: string, lines: number) => void;
  /** Somebody removed a file with so many bytes that were not shipped. */
  readonly onLost?: (path: string, bytes: number) => void;
}

/**
 * Moves records from the spool to the event stream, oldest first, also those a former process left behind. A segment
 * is removed only when all of it was published; after a crash some records travel twice, under the same id.
 */
export class EventShipper {
  readonly #options: Required<ShipperOptions>;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #path: string | undefined;
  #offset = 0;
  #failures = 0;

  constructor(options: ShipperOptions) {
    this.#options = {
      intervalMs: 50,
      batchRecords: 100,
      batchBytes: 256 * 1024,
      maxBackoffMs: 30_000,
      onFailure: () => undefined,
      onDamaged: () => undefined,
      onLost: () => undefined,
      ...options,
    };
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** True while publishing fails: events wait on disk. */
  get failing(): boolean {
    return this.#failures > 0;
  }

  /** One last attempt to ship what is there, then stops. What could not be shipped stays on disk. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#wake?.();
    await this.#running;
    this.#options.spool.close();
    await this.#shipAll().catch((error: unknown) => this.#options.onFailure(error, 0));
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      let pause = this.#options.intervalMs;
      try {
        await this.#shipAll();
        this.#failures = 0;
      } catch (error) {
        pause = Math.min(this.#options.maxBackoffMs, 100 * 2 ** Math.min(this.#failures, 16));
        this.#failures += 1;
        this.#options.onFailure(error, pause);
      }
      await this.#sleep(pause);
    }
  }

  async #shipAll(): Promise<void> {
    // Each turn either waits or leaves one file less. Records that are appended meanwhile wait for the next interval
    // at the latest.
    for (;;) {
      const [segment] = this.#options.spool.segments();
      if (segment === undefined) return await this.#shipOwed();
      if (segment.path !== this.#path) {
        this.#path = segment.path;
        this.#offset = 0;
      }
      if (this.#offset < segment.bytes) {
        this.#offset += await this.#shipFrom(segment.path, this.#offset, segment.bytes, segment.open);
        continue;
      }
      // All of it is out, and goes from the disk, so that the next start has nothing to ship twice.
      this.#path = undefined;
      this.#options.spool.release(segment.path);
    }
  }

  /** Records that no disk took: the stream has them, and nobody else. */
  async #shipOwed(): Promise<void> {
    const owed = this.#options.spool.takeOwed(this.#options.batchRecords);
    if (owed.length === 0) return;
    try {
      await this.#options.publish(owed.map((line): unknown => JSON.parse(line)));
    } catch (error) {
      this.#options.spool.owe(owed);
      throw error;
    }
  }

  /** Publishes one batch and answers how far it got. */
  async #shipFrom(path: string, offset: number, end: number, isOpen: boolean): Promise<number> {
    const { batchBytes, batchRecords, publish, spool, onDamaged, onLost } = this.#options;
    const read = await readLines(path, offset, end, batchBytes, batchRecords);
    if (read === 'gone') {
      spool.lost(path);
      onLost(path, end - offset);
      return 0;
    }
    const { bytes, lines } = read;
    if (lines.length === 0) {
      if (!isOpen && offset + bytes >= end) onDamaged(path, 1);
      return end - offset; // nothing but a torn line is left
    }
    let damaged = 0;
    const records: unknown[] = [];
    for (const line of lines) {
      if (line === '') continue;
      try {
        records.push(JSON.parse(line));
      } catch {
        damaged += 1;
      }
    }
    if (damaged > 0) onDamaged(path, damaged);
    if (records.length > 0) await publish(records);
    return bytes;
  }

  #sleep(milliseconds: number): Promise<void> {
    if (this.#stop.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Whole lines from `offset`: at most `limit` of them and about `maxBytes`, but always one, however long. */
async function readLines(
  path: string,
  offset: number,
  end: number,
  maxBytes: number,
  limit: number,
): Promise<{ bytes: number; lines: string[] } | 'gone'> {
  const file = await openIfThere(path);
  if (file === undefined) return 'gone';
  try {
    for (let window = maxBytes; ; window *= 2) {
      const length = Math.min(window, end - offset);
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await file.read(buffer, 0, length, offset);
      const lines: string[] = [];
      let start = 0;
      for (
        let newline = buffer.indexOf(10);
        newline !== -1 && newline < bytesRead && lines.length < limit;
        newline = buffer.indexOf(10, start)
      ) {
        lines.push(buffer.toString('utf8', start, newline));
        start = newline + 1;
      }
      if (lines.length > 0 || length === end - offset) return { bytes: lines.length > 0 ? start : length, lines };
    }
  } finally {
    await file.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
