import { basename } from 'node:path';
import { systemClock, type Clock } from '@sallyport/kernel';
import type { EventSpool } from './event-spool.js';
import type { SpooledSegment } from './segment-directory.js';
import { linesInFile, linesInMemory, type SpooledLines } from './spooled-lines.js';

export interface ShipperOptions {
  readonly spool: EventSpool;
  /**
   * Publishes records: whole lines, each JSON and with its newline. Must resolve only when they are safe; called again
   * with the same records when it rejects (at least once). The bytes are the spool's: they are good until it settles.
   */
  readonly publish: (lines: Buffer) => Promise<void>;
  /** How long records may gather before they are sent. Default 50. */
  readonly intervalMs?: number;
  /** How long while many come: they then travel in larger batches, and each costs less. Default 200. */
  readonly busyIntervalMs?: number;
  /** Bytes in one batch; with what the bus adds it stays below one of its messages. Default 480 KiB. */
  readonly batchBytes?: number;
  readonly maxBackoffMs?: number;
  readonly clock?: Clock;
  readonly onFailure?: (error: unknown, retryInMs: number) => void;
  /** Lines that are no JSON: the torn last line of a killed process, or a damaged file. Told of once for a batch. */
  readonly onDamaged?: (path: string, lines: number) => void;
  /** Somebody removed a file with so many bytes that were not shipped, and memory does not have them. */
  readonly onLost?: (path: string, bytes: number) => void;
  /** Somebody removed the file that was written to. Memory has its records, and they are shipped. */
  readonly onRemoved?: (path: string) => void;
}

/** What the stream does not have yet. */
export interface WaitingRecords {
  /** Without those that a former process left: nobody counted them. */
  readonly records: number;
  readonly bytes: number;
  /** No record waits for longer, in milliseconds. */
  readonly ageMs: number;
}

/** A round that shipped this much is one of many to come. */
const BUSY_BYTES = 64 * 1024;
/** Records of one batch that come from memory because no disk took them. */
const OWED_RECORDS = 100;

/**
 * Moves records from the spool to the event stream, oldest first, also those a former process left behind: from memory
 * while that has them, else from the file. A file is removed only when all of it was published; after a crash some
 * records travel twice, under the same id.
 */
export class EventShipper {
  readonly #options: Required<ShipperOptions>;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #path: string | undefined;
  #offset = 0;
  #failures = 0;
  #shippedBytes = 0;
  /** When the last round began that shipped all there was. */
  #caughtUpAt: number | undefined;

  constructor(options: ShipperOptions) {
    this.#options = {
      intervalMs: 50,
      busyIntervalMs: 200,
      batchBytes: 480 * 1024,
      maxBackoffMs: 30_000,
      clock: systemClock,
      onFailure: () => undefined,
      onDamaged: () => undefined,
      onLost: () => undefined,
      onRemoved: () => undefined,
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

  waiting(): WaitingRecords {
    const { spool, clock } = this.#options;
    const { records } = spool;
    const bytes = spool.bytes - (this.#path === undefined ? 0 : this.#offset);
    // A file is named by when it was made, before its first record.
    const since = this.#caughtUpAt ?? Number.parseInt(basename(spool.oldest()?.path ?? ''), 10);
    return { records, bytes, ageMs: (records > 0 || bytes > 0) && clock() > since ? clock() - since : 0 };
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
      let pause: number;
      try {
        const began = this.#options.clock();
        this.#shippedBytes = 0;
        await this.#shipAll();
        this.#caughtUpAt = began;
        this.#failures = 0;
        pause = this.#shippedBytes < BUSY_BYTES ? this.#options.intervalMs : this.#options.busyIntervalMs;
      } catch (error) {
        pause = Math.min(this.#options.maxBackoffMs, 100 * 2 ** Math.min(this.#failures, 16));
        this.#failures += 1;
        this.#options.onFailure(error, pause);
      }
      await this.#sleep(pause);
    }
  }

  async #shipAll(): Promise<void> {
    const { spool } = this.#options;
    // Each turn either waits or leaves one file less. Records that are appended meanwhile wait for the next interval
    // at the latest.
    for (;;) {
      const segment = spool.oldest();
      if (segment === undefined) return await this.#shipOwed();
      if (segment.path !== this.#path) {
        this.#path = segment.path;
        this.#offset = 0;
      }
      if (segment.open && spool.retireIfRemoved()) {
        this.#options.onRemoved(segment.path);
        continue;
      }
      if (this.#offset < segment.bytes) {
        this.#offset += await this.#shipFrom(segment, this.#offset);
        continue;
      }
      // All of it is out, and goes from the disk, so that the next start has nothing to ship twice.
      this.#path = undefined;
      spool.release(segment.path);
    }
  }

  /** Records that no disk took: the stream has them, and nobody else. */
  async #shipOwed(): Promise<void> {
    const owed = this.#options.spool.takeOwed(OWED_RECORDS);
    if (owed.length === 0) return;
    try {
      await this.#options.publish(Buffer.from(owed.map((json) => `${json}\n`).join('')));
    } catch (error) {
      this.#options.spool.owe(owed);
      throw error;
    }
  }

  /** Publishes one batch and answers how far it got. */
  async #shipFrom(segment: SpooledSegment, offset: number): Promise<number> {
    const { batchBytes, publish, spool, onDamaged, onLost } = this.#options;
    const { path, bytes: end, memory } = segment;
    const batch: SpooledLines | 'gone' =
      memory === undefined
        ? await linesInFile(path, { offset, end, maxBytes: batchBytes })
        : linesInMemory(memory.subarray(offset), batchBytes);
    if (batch === 'gone') {
      spool.lost(path);
      onLost(path, end - offset);
      return 0;
    }
    const { lines, records, bytes, damaged } = batch;
    if (damaged > 0) onDamaged(path, damaged);
    if (records > 0) await publish(lines);
    spool.shipped(path, records);
    this.#shippedBytes += lines.length;
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
