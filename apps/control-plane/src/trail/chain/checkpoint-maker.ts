import { toEvents } from '@sallyport/audit';
import {
  checkpointDigest,
  packEntries,
  readCheckpoint,
  signNote,
  summarize,
  UNNUMBERED,
  writeCheckpoint,
  type Checkpoint,
} from '@sallyport/audit-chain';
import type { Query, Statements } from '@sallyport/database';
import { namedId, type Clock } from '@sallyport/kernel';
import type { LifecycleRecord } from '@sallyport/messages';
import type { Logger } from '@sallyport/telemetry';
import { z } from 'zod';
import type { StoreEvents } from '../event-writer.js';
import type { AuditKey, AuditKeys } from './audit-keys.js';
import { ENOUGH_EVENTS, NEXT_EVENTS, Rows, windowOf, type CheckpointWindow } from './checkpoint-window.js';
import { NumberHoles } from './number-holes.js';
import { readCounters } from './store-counters.js';

export interface CheckpointMakerOptions {
  readonly statements: Statements;
  readonly keys: Pick<AuditKeys, 'all' | 'current'>;
  readonly events: StoreEvents;
  readonly replica: string;
  readonly clock: Clock;
  /** How long events are kept. */
  readonly retentionMs: number;
  readonly logger: Pick<Logger, 'error' | 'warn'>;
  /** How long events wait for a checkpoint at most. Default 10 s. */
  readonly intervalMs?: number;
}

/** Any number; all control planes of one database agree on it. One of them at a time makes checkpoints. */
const MAKER_LOCK = 5_125_101_480;
const INTERVAL_MS = 10_000;
/** As far back the numbers of writers are looked at when a process begins to make checkpoints. */
const LOOK_BACK = 1_000;
const MOST_TOLD = 100;

const Newest = z.array(z.object({ number: z.coerce.number(), upTo: z.coerce.number(), note: z.string() }));
const Told = z.array(z.object({ number: z.coerce.number(), writer: z.string(), note: z.string() }));
const Noted = z.array(z.object({ note: z.string() }));

const LAST = 'SELECT "number", "upTo", "note" FROM "AuditCheckpoint" ORDER BY "number" DESC LIMIT 1';
/** Where the chain begins: events that an older version stored stay before it. */
const BEGINNING = 'SELECT min("sequence") - 1 AS "after" FROM "Event" WHERE "digest" IS NOT NULL';
const Beginning = z.tuple([z.object({ after: z.coerce.number().nullable() })]);
const ADD = `
  INSERT INTO "AuditCheckpoint" ("number", "writer", "at", "after", "upTo", "note", "entries")
  VALUES ($1::bigint, $2, to_timestamp($3::float8 / 1000), $4::bigint, $5::bigint, $6, $7::bytea)`;

const RECENT = 'SELECT "note" FROM "AuditCheckpoint" ORDER BY "number" DESC LIMIT $1';
const BEFORE =
  'SELECT "note" FROM "AuditCheckpoint" WHERE "writer" = $1 AND "number" < $2 ORDER BY "number" DESC LIMIT 1';
const SAME = 'SELECT "note" FROM "AuditCheckpoint" WHERE "number" = $1::bigint';

/** What `previous` is made of: the text without its signatures. */
const digestOf = (note: string): string => checkpointDigest(textOf(note));
const textOf = (note: string): string => note.slice(0, note.lastIndexOf('\n\n') + 1);

function readNote(row: Readonly<Record<string, unknown>> | undefined): Checkpoint | undefined {
  const [noted] = Noted.parse(row === undefined ? [] : [row]);
  return noted && readCheckpoint(textOf(noted.note));
}

/**
 * Seals the trail: every ten seconds, or when a thousand events wait, it says of each writer what arrived since, signs
 * it, and tells the trail. Of several control planes one does so at a time, each turn anew. What arrives is in order of
 * its sequence when it can be read (see `PostgresEventWriter`), so that nothing comes later into a sealed window.
 */
export class CheckpointMaker {
  readonly #options: CheckpointMakerOptions;
  #holes = new NumberHoles();
  /** Of the newest checkpoint that this process made or found. */
  #known: { readonly number: number; readonly digest: string } | undefined;
  #waitingSince: number | undefined;

  constructor(options: CheckpointMakerOptions) {
    this.#options = options;
  }

  /** One turn. @returns how many events were sealed; more may wait */
  async makeDue(): Promise<number> {
    const { statements, keys, clock } = this.#options;
    const key = await keys.current();
    const sealed = await statements.transaction(async (query) => {
      const [lock] = await query({
        text: 'SELECT pg_try_advisory_xact_lock($1::bigint) AS mine',
        values: [MAKER_LOCK],
      });
      return lock?.['mine'] === true ? this.#seal(query, key) : 0;
    });
    await this.#tell();
    for (const { writer, first, last } of this.#holes.takeOverdue(clock())) {
      const id = namedId('evt', `missing ${writer} ${first} ${last}`);
      await this.#record(id, 'audit.records_missing', { ofWriter: writer, first, last });
    }
    return sealed;
  }

  async #seal(query: Query, key: AuditKey): Promise<number> {
    const { clock, intervalMs = INTERVAL_MS } = this.#options;
    const [last] = Newest.parse(await query({ text: LAST, values: [] }));
    const digest = last && digestOf(last.note);
    await this.#compare(query, last && digest !== undefined ? { number: last.number, digest } : undefined);
    const [begins] = last ? [{ after: last.upTo }] : Beginning.parse(await query({ text: BEGINNING, values: [] }));
    if (begins.after === null) return 0;
    const { after } = begins;
    const window = windowOf(Rows.parse(await query({ text: NEXT_EVENTS, values: [after] })));
    if (window?.isWorthSealing !== true) return 0;
    this.#waitingSince ??= clock();
    if (window.count < ENOUGH_EVENTS && clock() - this.#waitingSince < intervalMs) return 0;
    await this.#add(query, key, { window, after, number: last?.number ?? 0, digest: digest ?? null });
    this.#waitingSince = undefined;
    return window.count;
  }

  async #add(
    query: Query,
    key: AuditKey,
    from: { window: CheckpointWindow; after: number; number: number; digest: string | null },
  ): Promise<void> {
    const { clock, retentionMs } = this.#options;
    const { window, after } = from;
    const store = await readCounters(query);
    let { number, digest } = from;
    for (const [writer, entries] of window.writers) {
      number += 1;
      const at = clock();
      const checkpoint: Checkpoint = {
        ...{ origin: key.name, number, previous: digest, at, writer, after, upTo: window.upTo },
        ...{ ...summarize(entries), keepsFrom: Math.max(0, at - retentionMs), store },
      };
      const text = writeCheckpoint(checkpoint);
      digest = checkpointDigest(text);
      const note = signNote(text, key, key.privateKey);
      await query({ text: ADD, values: [number, writer, at, after, window.upTo, note, packEntries(entries)] });
      await this.#arrived(query, checkpoint);
    }
    if (digest !== null) this.#known = { number, digest };
  }

  async #arrived(query: Query, { number, writer, numbers }: Checkpoint): Promise<void> {
    // Numbers of events that no writer numbered have gaps that mean nothing.
    if (writer === UNNUMBERED) return;
    if (!this.#holes.isKnown(writer)) {
      const highest = readNote((await query({ text: BEFORE, values: [writer, number] }))[0])?.numbers.at(-1)?.[1];
      // What was missing until then was told of by whoever made that.
      if (highest !== undefined) this.#holes.arrived(writer, [[1, highest]], this.#options.clock());
    }
    this.#holes.arrived(writer, numbers, this.#options.clock());
  }

  /** Begins anew where another control plane went on, and says so where the store lost what this one had made. */
  async #compare(query: Query, last: { readonly number: number; readonly digest: string } | undefined): Promise<void> {
    const known = this.#known;
    if (known?.number === last?.number && known?.digest === last?.digest) return;
    this.#holes = new NumberHoles();
    this.#known = last;
    for (const row of (await query({ text: RECENT, values: [LOOK_BACK] })).toReversed()) {
      const checkpoint = readNote(row);
      if (checkpoint !== undefined) await this.#arrived(query, checkpoint);
    }
    if (known === undefined) return;
    const [same] = Noted.parse(await query({ text: SAME, values: [known.number] }));
    if (same === undefined || digestOf(same.note) !== known.digest)
      this.#options.logger.error(
        { known: known.number, newest: last?.number ?? 0 },
        'checkpoints of the trail are not in the store any more: it was restored from a backup, or its end was removed',
      );
  }

  /** Tells the trail of checkpoints that it was not told of, so that they are wherever it goes. */
  async #tell(): Promise<void> {
    const { statements } = this.#options;
    const untold =
      'SELECT "number", "writer", "note" FROM "AuditCheckpoint" WHERE "toldAt" IS NULL ORDER BY 1 LIMIT $1';
    const rows = Told.parse(await statements.transaction((query) => query({ text: untold, values: [MOST_TOLD] })));
    if (rows.length === 0) return;
    for (const { number, writer, note } of rows)
      await this.#record(namedId('evt', `checkpoint ${digestOf(note)}`), 'audit.checkpoint', {
        number,
        ofWriter: writer,
        text: note,
      });
    const told = 'UPDATE "AuditCheckpoint" SET "toldAt" = now() WHERE "number" = ANY($1::bigint[])';
    await statements.transaction((query) => query({ text: told, values: [rows.map(({ number }) => number)] }));
  }

  async #record(
    id: string,
    type: 'audit.checkpoint' | 'audit.records_missing',
    detail: NonNullable<LifecycleRecord['detail']>,
  ): Promise<void> {
    const { events, replica, clock } = this.#options;
    await events.append(toEvents({ v: 1, type, id, replica, at: clock(), detail }));
  }
}
