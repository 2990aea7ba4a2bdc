import type { Readable } from 'node:stream';
import { RequestRefused } from '@sallyport/http';
import type { Clock } from '@sallyport/kernel';
import type { PostgresEventStore } from '../event-store.js';
import { streamOf } from '../stream-of.js';
import type { EventExports, StoredExport } from './event-exports.js';
import { CSV_HEAD, csvLine } from './export-lines.js';

export interface DownloadsParts {
  readonly store: Pick<PostgresEventStore, 'page'>;
  readonly exports: Pick<EventExports, 'advance'>;
  readonly clock: Clock;
}

/** Of one control plane: each asks PostgreSQL for one page after the other. */
const MOST_AT_ONCE = 2;
const PAGE = 100;
const TELL_MS = 1_000;

/** Exports that are read just now. Each is in memory a page at a time, and as fast as its reader takes it. */
export class Downloads {
  readonly #parts: DownloadsParts;
  readonly #stopping = new AbortController();
  #open = 0;

  constructor(parts: DownloadsParts) {
    this.#parts = parts;
  }

  /**
   * @param after where it goes on; `undefined` begins
   * @returns a stream that breaks when the control plane ends before it does
   * @throws {RequestRefused} 429: as many are read as may be
   */
  open(asked: StoredExport, after: bigint | undefined): Readable {
    if (this.#open >= MOST_AT_ONCE)
      throw new RequestRefused({
        status: 429,
        name: 'too-many-downloads',
        detail: `${MOST_AT_ONCE} exports are read here, which is the most a control plane does: try again later.`,
      });
    this.#open += 1;
    const gone = new AbortController();
    const signal = AbortSignal.any([gone.signal, this.#stopping.signal]);
    return streamOf(exportedText(asked, after, this.#parts, signal), () => {
      gone.abort();
      this.#open -= 1;
    });
  }

  stop(): void {
    this.#stopping.abort(new Error('the control plane ends'));
  }
}

async function* exportedText(
  { id, format, filter, upTo, ...asked }: StoredExport,
  after: bigint | undefined,
  { store, exports, clock }: DownloadsParts,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  const lineOf = format === 'csv' ? csvLine : ndjsonLine;
  let last = after === undefined || after < asked.after ? asked.after : after;
  let toldAt = clock();
  await exports.advance(id, last);
  if (format === 'csv' && after === undefined) yield CSV_HEAD;
  while (last < upTo) {
    signal.throwIfAborted();
    const page = await store.page(filter, { after: last, upTo, most: PAGE });
    const text = page.events.map(({ sequence, body }) => lineOf({ sequence: Number(sequence), ...body })).join('');
    if (text !== '') yield text;
    last = page.last;
    if (last < upTo && clock() - toldAt < TELL_MS) continue;
    await exports.advance(id, last);
    toldAt = clock();
  }
}

const ndjsonLine = (event: object): string => `${JSON.stringify(event)}\n`;
