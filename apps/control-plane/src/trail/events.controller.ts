import type { Readable } from 'node:stream';
import { Controller, Inject, Req, Res } from '@nestjs/common';
import { isPermitted, routes, type Answered, type Asked } from '@sallyport/admin-api';
import { RequestRefused } from '@sallyport/http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { administratorOf, isConfigurationOutage, type Administrators } from '../admin/administrators.js';
import { Serve } from '../admin/serve.js';
import { PostgresEventStore } from './event-store.js';
import type { Standing } from './tail/tail-events.js';
import type { Tails } from './tail/tails.js';

const EVENT_STREAM = 'text/event-stream';

export const EVENTS_CONTEXT = Symbol('events context');
export interface EventsContext {
  readonly tails: Pick<Tails, 'open'>;
  readonly administrators: Pick<Administrators, 'identify'>;
}

/** Reads the audit trail (R77). */
@Controller()
export class EventsController {
  constructor(
    @Inject(PostgresEventStore) private readonly events: PostgresEventStore,
    @Inject(EVENTS_CONTEXT) private readonly context: EventsContext,
  ) {}

  /**
   * Newest first; older events are those `before` the last one read. With `after`, oldest first. `next` is what to ask
   * with as `after` to follow what comes; it stays the same where nothing came.
   */
  @Serve(routes.listEvents)
  async list(
    asked: Asked<'listEvents'>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Answered<'listEvents'> | Readable> {
    const { query } = asked;
    if (request.headers.accept?.includes(EVENT_STREAM) === true) return this.#tail(asked, request, reply);
    const events = await this.events.list(query);
    const newest = query.after === undefined ? events[0] : events.at(-1);
    return { events, next: newest?.sequence ?? Number(query.after ?? query.before ?? 0) };
  }

  async #tail(
    { query: { after, before, limit: _limit, ...filter }, headers }: Asked<'listEvents'>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<Readable> {
    if (before !== undefined)
      throw new RequestRefused({ status: 400, detail: 'A stream goes forward: leave `before` out.' });
    const { actor } = administratorOf(request);
    const tail = await this.context.tails.open(filter, headers['last-event-id'] ?? after, {
      id: `${actor.type}:${actor.id}`,
      standing: () => this.#standingOf(request.headers.authorization),
    });
    // No proxy on the way keeps back what is to arrive now, and with the stream its connection ends.
    void reply.headers({ 'content-type': EVENT_STREAM, 'x-accel-buffering': 'no', connection: 'close' });
    return tail;
  }

  /** A token that was good may have expired, and who was an auditor may be none any more (S4). */
  async #standingOf(authorization: string | undefined): Promise<Standing> {
    try {
      const identified = await this.context.administrators.identify(authorization);
      if (!identified.ok) return identified.reason === 'keys_unavailable' ? 'unknown' : 'not-permitted';
      return isPermitted(identified.administrator.roles, routes.listEvents.permission) ? 'permitted' : 'not-permitted';
    } catch (error) {
      if (isConfigurationOutage(error)) return 'unknown';
      throw error;
    }
  }
}
