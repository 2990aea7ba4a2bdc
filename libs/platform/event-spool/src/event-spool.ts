import { closeSync, existsSync, mkdirSync, openSync, readdirSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SallyportError } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';

/** A line that says nothing. */
const BLANK = Buffer.from('\n');
const SEGMENT = /^(\d{14})-(\d{8})\.ndjson$/;

export interface EventSpoolOptions {
  /** One directory per replica; made when missing (0700). Nobody else writes there. */
  readonly directory: string;
  readonly clock: Clock;
  /** Bytes on disk at which appending stops. Default 512 MiB. */
  readonly maxBytes?: number;
  /** A segment is closed at this size. Default 4 MiB. */
  readonly segmentBytes?: number;
  /** A larger record is refused: the bus would never carry it, and it would hold up all behind it. Default 64 KiB. */
  readonly maxRecordBytes?: number;
  /** Called when appending begins to fail and when it works again. */
  readonly onState?: (state: SpoolState) => void;
}

export type SpoolState = { readonly accepting: true } | { readonly accepting: false; readonly reason: 'full' | 'write-failed' };
export interface Segment { readonly path: string; readonly bytes: number; readonly open: boolean }

/**
 * Records on their way to the event stream, appended to a local file before the answer they describe ends. One write
 * per tick for all records of that tick, no fsync: what was appended survives the death of the process, not of the host.
 * Disk use is bounded; at the bound appending fails, and so must the call: an unrecorded answer is not given.
 */
export class EventSpool {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #segmentBytes: number;
  readonly #maxRecordBytes: number;
  readonly #onState: (state: SpoolState) => void;
  #segments: { path: string; bytes: number }[];
  #descriptor: number | undefined;
  #pending: { line: string; done: (error?: SallyportError) => void }[] = [];
  #scheduled = false;
  #sequence = 0;
  #state: SpoolState = { accepting: true };

  constructor(options: EventSpoolOptions) {
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#maxBytes = options.maxBytes ?? 512 * 1024 * 1024;
    this.#segmentBytes = options.segmentBytes ?? 4 * 1024 * 1024;
    this.#maxRecordBytes = options.maxRecordBytes ?? 64 * 1024;
    this.#onState = options.onState ?? (() => undefined);
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
    this.#segments = readdirSync(this.#directory).filter((name) => SEGMENT.test(name)).sort()
      .map((name) => ({ path: join(this.#directory, name), bytes: statSync(join(this.#directory, name)).size }));
  }

  get state(): SpoolState {
    return this.#state;
  }

  /** Bytes not yet shipped. */
  get bytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.bytes, 0);
  }

  /** Resolves once the record is in the file. Rejects with `event_too_large`, `event_spool_full` or `event_spool_failed`. */
  append(record: unknown): Promise<void> {
    const line = `${JSON.stringify(record)}\n`;
    if (Buffer.byteLength(line) > this.#maxRecordBytes) return Promise.reject(new SallyportError('event_too_large', 'An event is too large to be recorded.'));
    return new Promise((resolve, reject) => {
      this.#pending.push({ line, done: (error) => (error === undefined ? resolve() : reject(error)) });
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(() => this.#flush());
    });
  }

  /** Oldest first. Only the last one can be open. */
  segments(): readonly Segment[] {
    return this.#segments.map((segment, index) => ({ ...segment, open: this.#descriptor !== undefined && index === this.#segments.length - 1 }));
  }

  /** Ends the open segment, so that it can be removed once shipped. */
  rotate(): void {
    if (this.#descriptor === undefined) return;
    closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  /** Forgets a closed segment that was shipped. */
  remove(path: string): void {
    const index = this.#segments.findIndex((segment) => segment.path === path);
    if (index === -1) return;
    unlinkSync(path);
    this.#segments.splice(index, 1);
    this.recover();
  }

  /** Accepts again once there is room, and tries the disk again after a failed write: a replica nobody calls gets well too. */
  recover(): void {
    if (this.#state.accepting) return;
    if (this.#state.reason === 'write-failed') this.#write(BLANK);
    else if (this.bytes < this.#maxBytes) this.#enter({ accepting: true });
  }

  /** Writes what is pending and closes the file. */
  close(): void {
    this.#flush();
    this.rotate();
  }

  #flush(): void {
    this.#scheduled = false;
    const batch = this.#pending;
    if (batch.length === 0) return;
    this.#pending = [];
    const bytes = Buffer.from(batch.map(({ line }) => line).join(''));
    const error = this.#write(bytes);
    for (const { done } of batch) done(error);
  }

  #write(bytes: Buffer): SallyportError | undefined {
    if (this.bytes + bytes.length > this.#maxBytes) {
      this.#enter({ accepting: false, reason: 'full' });
      return new SallyportError('event_spool_full', 'The event spool is full.');
    }
    try {
      const segment = this.#openSegment();
      for (let offset = 0; offset < bytes.length;) {
        const written = writeSync(this.#descriptor ?? -1, bytes, offset);
        offset += written;
        segment.bytes += written;
      }
      if (segment.bytes >= this.#segmentBytes) this.rotate();
      this.#enter({ accepting: true });
      return undefined;
    } catch (cause) {
      // A half-written line stays behind in this segment; readers skip it, and the next write starts a new file.
      this.rotate();
      this.#enter({ accepting: false, reason: 'write-failed' });
      return new SallyportError('event_spool_failed', 'An event could not be written to the spool.', { cause });
    }
  }

  #openSegment(): { path: string; bytes: number } {
    const last = this.#segments.at(-1);
    if (this.#descriptor !== undefined && last !== undefined) return last;
    let path: string;
    do {
      const time = String(this.#clock()).padStart(14, '0');
      path = join(this.#directory, `${time}-${String(this.#sequence++).padStart(8, '0')}.ndjson`);
    } while (existsSync(path));
    this.#descriptor = openSync(path, 'ax', 0o600);
    const segment = { path, bytes: 0 };
    this.#segments.push(segment);
    return segment;
  }

  #enter(state: SpoolState): void {
    const changed = this.#state.accepting !== state.accepting;
    this.#state = state;
    if (changed) this.#onState(state);
  }
}
