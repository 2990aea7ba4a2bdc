import { Controller, Inject } from '@nestjs/common';
import { routes, type Answered, type Asked } from '@sallyport/admin-api';
import { Serve } from '../admin/serve.js';
import { PostgresEventStore } from './event-store.js';

/** Reads the audit trail (R77). */
@Controller()
export class EventsController {
  constructor(@Inject(PostgresEventStore) private readonly events: PostgresEventStore) {}

  /**
   * Newest first; older events are those `before` the last one read. With `after`, oldest first. `next` is what to ask
   * with as `after` to follow what comes; it stays the same where nothing came.
   */
  @Serve(routes.listEvents)
  async list({ query }: Asked<'listEvents'>): Promise<Answered<'listEvents'>> {
    const events = await this.events.list(query);
    const newest = query.after === undefined ? events[0] : events.at(-1);
    return { events, next: newest?.sequence ?? Number(query.after ?? query.before ?? 0) };
  }
}
