import { z } from 'zod';
import { Actor } from '../actor.js';
import { idempotent, Moment, Sequence, text } from '../fields.js';
import { route } from '../route.js';
import { EventFilter } from './event-filter.js';

/** How each format of an export travels. */
export const EXPORT_TYPES = { ndjson: 'application/x-ndjson', csv: 'text/csv' } as const;

/** Which events are asked for, up to the newest of the moment it was made. Nothing of them is kept with it. */
export const EventExport = z.object({
  id: z.string(),
  format: z.enum(['ndjson', 'csv']),
  /** As it was asked for. */
  filter: z.record(z.string(), z.string()),
  createdAt: Moment,
  createdBy: Actor,
  expiresAt: Moment,
  /** Of events that arrived after this sequence, and up to that. */
  after: z.int(),
  upTo: z.int(),
  /** `ready`: nobody has begun. `interrupted`: whoever read it stopped, or the control plane did; they can go on. */
  state: z.enum(['ready', 'running', 'interrupted', 'done']),
  /** How far it was read the last time. */
  sequence: z.int(),
  /** Of the sequences that are looked through. */
  percent: z.int(),
});
export type EventExport = z.infer<typeof EventExport>;

const params = z.object({ id: text(64) });
const problems = { 404: 'There is no such export, or it has expired.' };

export const eventExportRoutes = {
  createEventExport: route({
    method: 'POST',
    path: '/v1/event-exports',
    permission: 'events:export',
    summary: 'Makes an export of the events that a filter lets through, up to the newest there is now.',
    headers: idempotent,
    body: z.strictObject({ format: z.enum(['ndjson', 'csv']), filter: EventFilter.prefault({}) }),
    answers: { 201: EventExport },
    problems: { 429: 'There are as many exports as there may be: remove one, or wait until one expires.' },
  }),
  listEventExports: route({
    method: 'GET',
    path: '/v1/event-exports',
    permission: 'events:export',
    summary: 'Lists exports, the latest first.',
    answers: { 200: z.object({ exports: z.array(EventExport) }) },
  }),
  readEventExport: route({
    method: 'GET',
    path: '/v1/event-exports/:id',
    permission: 'events:export',
    summary: 'Reads one export, and how far it was read.',
    params,
    answers: { 200: EventExport },
    problems,
  }),
  downloadEventExport: route({
    method: 'GET',
    path: '/v1/event-exports/:id/content',
    permission: 'events:export',
    summary: 'Streams the events of an export in order of arrival, `after` a sequence to go on where it broke off.',
    params,
    query: z.strictObject({ after: Sequence.optional() }),
    answers: {},
    streams: {
      [EXPORT_TYPES.ndjson]: 'An event in each line, as `GET /v1/events` has it.',
      [EXPORT_TYPES.csv]: 'RFC 4180; the first line, which `after` leaves out, names the columns.',
    },
    problems: { ...problems, 429: 'As many exports are read at this control plane as may be.' },
  }),
  removeEventExport: route({
    method: 'DELETE',
    path: '/v1/event-exports/:id',
    permission: 'events:export',
    summary: 'Removes an export. Whoever reads it just now reads on.',
    params,
    answers: { 200: EventExport },
    problems,
  }),
};
