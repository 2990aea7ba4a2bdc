import { AuditEvent } from '@sallyport/audit';
import { z } from 'zod';
import { EventFilter } from './event-filter.js';
import { PageSize, Sequence } from '../fields.js';
import { route } from '../route.js';

/** An event of the trail, with its place in the order of arrival. */
export const StoredEvent = AuditEvent.extend({ sequence: z.int() });
export type StoredEvent = z.infer<typeof StoredEvent>;

export const eventRoutes = {
  listEvents: route({
    method: 'GET',
    path: '/v1/events',
    permission: 'events:read',
    summary:
      'Reads the trail: newest first, or oldest first with `after`. `next` as `after` follows what comes; with ' +
      '`Accept: text/event-stream` it is followed as it comes.',
    headers: z.object({
      /** Where a stream goes on: after the event with this sequence. */
      'last-event-id': Sequence.optional(),
    }),
    query: EventFilter.extend({
      /** Only events that arrived after this one, oldest first. */
      after: Sequence.optional(),
      /** Only events that arrived before this one, newest first. */
      before: Sequence.optional(),
      limit: PageSize,
    }).refine(
      ({ after, before }) => after === undefined || before === undefined,
      'read on with `after`, or back with `before`',
    ),
    streams: {
      'text/event-stream':
        'Events after `Last-Event-ID` or `after`, or those that come from now on, as they arrive: `id` is the ' +
        'sequence, `data` a stored event. An event `end` says why it ends.',
    },
    problems: { 429: 'This administrator follows the trail as often as one may, or all together do.' },
    /** `next` stays the same where nothing came. */
    answers: { 200: z.object({ events: z.array(StoredEvent), next: z.int() }) },
  }),
};
