import { Controller, Get, Inject, Query } from '@nestjs/common';
import { z } from 'zod';
import { text } from '../admin/text.js';
import { PostgresEventStore } from './event-store.js';

const EventsQuery = z.strictObject({
  after: z
    .string()
    .regex(/^\d{1,18}$/, 'must be the sequence of an event')
    .transform(BigInt)
    .default(0n),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, 'must be a number from 1 to 1000')
    .transform(Number)
    .pipe(z.int().min(1).max(1_000))
    .default(100),
  type: text(64).optional(),
  userId: text(64).optional(),
  clientId: text(2048).optional(),
  server: text(64).optional(),
});

@Controller('v1/events')
export class EventsController {
  constructor(@Inject(PostgresEventStore) private readonly events: PostgresEventStore) {}

  /** The trail, oldest first. `next` is what to ask with as `after` to read on; it stays the same at the end. */
  @Get()
  async list(@Query() query: unknown) {
    const { after, ...rest } = EventsQuery.parse(query);
    const events = await this.events.list({ after, ...rest });
    return { events, next: events.at(-1)?.sequence ?? Number(after) };
  }
}
