import type { Readable } from 'node:stream';
import { Controller, Inject, NotFoundException, Req, Res } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import { EXPORT_TYPES } from '@sallyport/admin-api/events';
import type { Clock } from '@sallyport/kernel';
import type { RecordEvent, TrailEvent } from '@sallyport/trail';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { By, type Administrator } from '../../admin/administrators.js';
import { whoAdministers } from '../../admin/record-administration.js';
import { Serve } from '../../admin/serve.js';
import type { PostgresEventStore } from '../event-store.js';
import type { Downloads } from './downloads.js';
import { fieldsOf, SILENT_MS, type EventExports, type StoredExport } from './event-exports.js';

export const EVENT_EXPORTS_CONTEXT = Symbol('event exports context');
export interface EventExportsContext {
  readonly store: Pick<PostgresEventStore, 'newest' | 'oldest'>;
  readonly exports: EventExports;
  readonly downloads: Pick<Downloads, 'open'>;
  readonly lifecycle: RecordEvent;
  readonly clock: Clock;
}

/** Exports of the trail: who makes one and who reads one is in the trail before either is done (R77). */
@Controller()
export class EventExportsController {
  constructor(@Inject(EVENT_EXPORTS_CONTEXT) private readonly context: EventExportsContext) {}

  @Serve(routes.createEventExport)
  async create(
    { body: { format, filter } }: Asked<'createEventExport'>,
    @By() administrator: Administrator,
    @Req() { ip }: FastifyRequest,
  ): Promise<Answered<'createEventExport'>> {
    const { store, exports } = this.context;
    const upTo = await store.newest();
    const oldest = await store.oldest();
    const after = oldest === undefined ? upTo : oldest - 1n;
    const made = await exports.create({ format, filter, createdBy: administrator.actor, after, upTo });
    await this.#record('event_export.created', made, administrator, ip);
    return this.#shown(made);
  }

  @Serve(routes.listEventExports)
  async list(): Promise<Answered<'listEventExports'>> {
    return { exports: (await this.context.exports.list()).map((one) => this.#shown(one)) };
  }

  @Serve(routes.readEventExport)
  async read({ params: { id } }: Asked<'readEventExport'>): Promise<Answered<'readEventExport'>> {
    return this.#shown(await this.#find(id));
  }

  @Serve(routes.removeEventExport)
  async remove({ params: { id } }: Asked<'removeEventExport'>): Promise<Answered<'removeEventExport'>> {
    const found = await this.#find(id);
    await this.context.exports.remove(id);
    return this.#shown(found);
  }

  @Serve(routes.downloadEventExport)
  async download(
    { params: { id }, query: { after } }: Asked<'downloadEventExport'>,
    @By() administrator: Administrator,
    @Req() { ip }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Readable> {
    const found = await this.#find(id);
    const stream = this.context.downloads.open(found, after);
    try {
      await this.#record('event_export.downloaded', found, administrator, ip);
    } catch (error) {
      stream.destroy();
      throw error;
    }
    void reply.headers({
      'content-type': `${EXPORT_TYPES[found.format]}; charset=utf-8`,
      'content-disposition': `attachment; filename="events-${id}.${found.format}"`,
      connection: 'close',
    });
    return stream;
  }

  async #find(id: string): Promise<StoredExport> {
    const found = await this.context.exports.find(id);
    if (found === undefined) throw new NotFoundException('There is no such export, or it has expired.');
    return found;
  }

  async #record(
    type: Extract<TrailEvent['type'], `event_export.${string}`>,
    { id, format, filter, upTo }: StoredExport,
    { caller }: Administrator,
    address: string,
  ): Promise<void> {
    const detail = { export: id, format, upTo: Number(upTo), filter: new URLSearchParams(fieldsOf(filter)).toString() };
    await this.context.lifecycle({ type, ...whoAdministers(caller, address), detail });
  }

  #shown({ filter, createdAt, expiresAt, readAt, ...found }: StoredExport): Answered<'readEventExport'> {
    const [after, upTo, sequence] = [Number(found.after), Number(found.upTo), Number(found.sequence)];
    const isDone = readAt !== null && sequence >= upTo;
    const isRunning = readAt !== null && this.context.clock() - readAt.getTime() < SILENT_MS;
    return {
      id: found.id,
      format: found.format,
      filter: fieldsOf(filter),
      createdAt: createdAt.toISOString(),
      createdBy: found.createdBy,
      expiresAt: expiresAt.toISOString(),
      ...{ after, upTo, sequence },
      state: isDone ? 'done' : readAt === null ? 'ready' : isRunning ? 'running' : 'interrupted',
      percent: isDone ? 100 : upTo === after ? 0 : Math.floor((100 * (sequence - after)) / (upTo - after)),
    };
  }
}
