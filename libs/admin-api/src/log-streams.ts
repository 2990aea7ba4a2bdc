import { z } from 'zod';
import { idempotent, Moment, PageSize, text } from './fields.js';
import { route } from './route.js';

/** How a log stream stands. A `Webhook` is one, too. */
const LogStreamStanding = z.object({
  name: z.string(),
  kind: z.enum(['LogStream', 'Webhook']),
  sink: z.enum(['webhook', 'syslog', 'otlp', 'splunkHec', 's3', 'file', 'stdout']),
  /** `new`: no control plane has begun with it. `failing`: its receiver took nothing the last time. */
  state: z.enum(['new', 'working', 'failing']),
  /** Of the last event that the receiver has, or that is not for it. */
  sequence: z.int(),
  /** The newest sequence minus this one: at most so many events wait. */
  behind: z.int(),
  /** When the oldest event behind it happened. */
  oldestWaitingAt: Moment.nullable(),
  delivered: z.int(),
  deliveredAt: Moment.nullable(),
  /** Counted up to 10000. */
  deadLetters: z.int(),
  /** What the receiver said, or what kept us from asking it; `null`: the last attempt was taken. */
  lastError: z.object({ at: Moment, reason: z.string(), said: z.string() }).nullable(),
  nextAttemptAt: Moment.nullable(),
});

const DeadLetter = z.object({
  eventId: z.string(),
  type: z.string(),
  at: Moment,
  diedAt: Moment,
  attempts: z.int(),
  reason: z.string(),
  said: z.string(),
  /** It is on its way again. */
  isReplayed: z.boolean(),
  /** What was sent: the text of a JSON object. */
  body: z.string(),
});

const params = z.object({ name: text(64) });
const problems = { 404: 'There is no such log stream.' };

export const logStreamRoutes = {
  listLogStreams: route({
    method: 'GET',
    path: '/v1/log-streams',
    permission: 'log-streams:read',
    summary: 'Lists log streams: how far each is behind, what its receiver said, how many dead letters it has.',
    answers: { 200: z.object({ logStreams: z.array(LogStreamStanding) }) },
  }),
  readLogStream: route({
    method: 'GET',
    path: '/v1/log-streams/:name',
    permission: 'log-streams:read',
    summary: 'Reads how one log stream stands.',
    params,
    answers: { 200: LogStreamStanding },
    problems,
  }),
  testLogStream: route({
    method: 'POST',
    path: '/v1/log-streams/:name/test',
    permission: 'log-streams:test',
    summary: 'Sends a marked event (`log_stream.tested`) to the receiver, and tells what it answered.',
    params,
    headers: idempotent,
    answers: {
      200: z.object({
        eventId: z.string(),
        isTaken: z.boolean(),
        /** Why not, for programs. */
        reason: z.string().nullable(),
        /** What the receiver answered, or what went wrong. */
        said: z.string(),
        tookMs: z.int(),
      }),
    },
    problems,
  }),
  listDeadLetters: route({
    method: 'GET',
    path: '/v1/log-streams/:name/dead-letters',
    permission: 'events:read',
    summary: 'Lists events that the receiver refused, the latest first.',
    params,
    query: z.strictObject({ limit: PageSize }),
    answers: { 200: z.object({ deadLetters: z.array(DeadLetter) }) },
    problems,
  }),
  replayDeadLetters: route({
    method: 'POST',
    path: '/v1/log-streams/:name/replay',
    permission: 'log-streams:replay',
    summary: 'Sends dead letters again: those that are named, or all.',
    params,
    headers: idempotent,
    body: z.strictObject({ eventIds: z.array(text(128)).min(1).max(1_000).optional() }).prefault({}),
    answers: { 200: z.object({ replayed: z.int() }) },
    problems,
  }),
};
