import { Actor } from '@sallyport/admin-api';
import { EventFilter, type EventExport } from '@sallyport/admin-api/events';
import type { Database } from '@sallyport/database';
import { RequestRefused } from '@sallyport/http';
import { newId, type Clock } from '@sallyport/kernel';

export interface StoredExport {
  readonly id: string;
  readonly format: EventExport['format'];
  readonly filter: EventFilter;
  readonly createdAt: Date;
  readonly createdBy: Actor;
  readonly expiresAt: Date;
  readonly after: bigint;
  readonly upTo: bigint;
  readonly sequence: bigint;
  readonly readAt: Date | null;
}

const KEPT_MS = 7 * 86_400_000;
const MOST_OF_ONE = 20;
const MOST_IN_ALL = 200;
/** A reader of whom nothing was heard for this time reads no more. */
export const SILENT_MS = 15_000;

/** Exports of events: what was asked for, and how far it was read. */
export class EventExports {
  readonly #database: Pick<Database, 'eventExport'>;
  readonly #clock: Clock;

  constructor(parts: { readonly database: Pick<Database, 'eventExport'>; readonly clock: Clock }) {
    this.#database = parts.database;
    this.#clock = parts.clock;
  }

  /** @throws {RequestRefused} 429: there are as many as may be */
  async create(asked: Pick<StoredExport, 'format' | 'filter' | 'createdBy' | 'after' | 'upTo'>): Promise<StoredExport> {
    const now = this.#clock();
    await this.forgetExpired();
    const { createdBy } = asked;
    const owner = `${createdBy.type}:${createdBy.id}`;
    const [own, all] = await Promise.all([
      this.#database.eventExport.count({ where: { owner } }),
      this.#database.eventExport.count(),
    ]);
    if (own >= MOST_OF_ONE || all >= MOST_IN_ALL)
      throw new RequestRefused({
        status: 429,
        name: 'too-many-exports',
        detail: `There are ${own} exports of yours and ${all} in all, which is the most there may be: remove one.`,
      });
    const row = await this.#database.eventExport.create({
      data: {
        ...asked,
        id: newId('exp'),
        owner,
        filter: fieldsOf(asked.filter),
        sequence: asked.after,
        createdAt: new Date(now),
        expiresAt: new Date(now + KEPT_MS),
      },
    });
    return storedOf(row);
  }

  async list(): Promise<StoredExport[]> {
    const rows = await this.#database.eventExport.findMany({
      where: { expiresAt: { gt: new Date(this.#clock()) } },
      orderBy: { createdAt: 'desc' },
    });
    return rows.map(storedOf);
  }

  async find(id: string): Promise<StoredExport | undefined> {
    const row = await this.#database.eventExport.findUnique({
      where: { id, expiresAt: { gt: new Date(this.#clock()) } },
    });
    return row === null ? undefined : storedOf(row);
  }

  async remove(id: string): Promise<void> {
    await this.#database.eventExport.deleteMany({ where: { id } });
  }

  /** Says how far it was read, if it is still there. */
  async advance(id: string, sequence: bigint): Promise<void> {
    await this.#database.eventExport.updateMany({
      where: { id },
      data: { sequence, readAt: new Date(this.#clock()) },
    });
  }

  async forgetExpired(): Promise<void> {
    await this.#database.eventExport.deleteMany({ where: { expiresAt: { lte: new Date(this.#clock()) } } });
  }
}

/** A filter as it travels. */
export const fieldsOf = (filter: EventFilter): Record<string, string> =>
  Object.fromEntries(
    Object.entries(filter).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === 'string' ? value : value.join(',')]],
    ),
  );

type Row = NonNullable<Awaited<ReturnType<Database['eventExport']['findUnique']>>>;

const storedOf = (row: Row): StoredExport => ({
  ...row,
  format: row.format === 'csv' ? 'csv' : 'ndjson',
  filter: EventFilter.parse(row.filter),
  createdBy: Actor.parse(row.createdBy),
});
