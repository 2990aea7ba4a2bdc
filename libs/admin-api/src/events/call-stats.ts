import { Outcome } from '@sallyport/audit';
import { z } from 'zod';
import { Moment, text } from '../fields.js';
import { route } from '../route.js';

/** What calls may be told apart by. */
export const CallGroup = z.enum(['agent', 'server', 'tool', 'outcome']);
export type CallGroup = z.infer<typeof CallGroup>;

/** Steps in time, in seconds. */
export const CALL_STEPS = { '1m': 60, '5m': 300, '15m': 900, '1h': 3_600, '1d': 86_400 } as const;
const Step = z.enum(['1m', '5m', '15m', '1h', '1d']);

const MOST_STEPS = 400;
/** Steps of all groups together. */
const MOST_ROWS = 10_000;
const DAY_MS = 86_400_000;
const MOST_DAYS = 190;

const Limit = z
  .string()
  .regex(/^\d{1,3}$/, 'must be a number from 1 to 100')
  .transform(Number)
  .pipe(z.int().min(1).max(100))
  .prefault('20');

const CallStatsQuery = z
  .strictObject({
    /** Calls that ended at that moment or later; rounded down to a minute, or an hour. */
    from: Moment,
    /** Calls that ended before that moment; rounded up. */
    to: Moment,
    /** One row for each of these; one for all without it. */
    by: CallGroup.optional(),
    /** One row for each step of time in which there were calls; shorter than an hour for at most a day. */
    step: Step.optional(),
    /** How many groups at most: those with the most calls. */
    limit: Limit,
    clientId: text(2048).optional(),
    server: text(64).optional(),
    /** As the server names it. */
    tool: text(2048).optional(),
    outcome: Outcome.optional(),
  })
  .superRefine(({ from, to, step, limit, by }, { addIssue }) => {
    const problem = problemOf({
      ...{ ms: Date.parse(to) - Date.parse(from), step, groups: by === undefined ? 1 : limit },
    });
    if (problem !== undefined)
      addIssue({ code: 'custom', message: problem, path: [problem.startsWith('steps') ? 'step' : 'to'] });
  });
export type CallStatsQuery = z.infer<typeof CallStatsQuery>;

function problemOf(asked: { ms: number; step: z.infer<typeof Step> | undefined; groups: number }): string | undefined {
  const { ms, step, groups } = asked;
  if (ms <= 0) return 'must be later than `from`';
  if (ms > MOST_DAYS * DAY_MS) return `must be at most ${MOST_DAYS} days after \`from\``;
  if (step === undefined) return undefined;
  const seconds = CALL_STEPS[step];
  if (seconds < CALL_STEPS['1h'] && ms > DAY_MS) return 'steps are shorter than an hour for at most a day';
  const steps = Math.ceil(ms / 1000 / seconds);
  if (steps > MOST_STEPS) return `steps would be ${steps}: choose longer ones, at most ${MOST_STEPS}`;
  if (steps * groups > MOST_ROWS) return `steps of all groups would be ${steps * groups}, at most ${MOST_ROWS}`;
  return undefined;
}

/** Calls of one group, in one step. Latencies are at most 12 % off, and of all calls, whatever came of them. */
export const CallStat = z.object({
  /** When the step began. */
  at: Moment.optional(),
  /** An empty text: none was known. `*`: those that were not counted apart. */
  clientId: z.string().optional(),
  server: z.string().optional(),
  /** An empty text: requests other than a call of a tool. */
  tool: z.string().optional(),
  outcome: z.string().optional(),
  calls: z.int(),
  /** Of the step, or of the whole time. */
  perSecond: z.number(),
  failures: z.int(),
  denied: z.int(),
  pending: z.int(),
  /** Milliseconds from the request to the answer. */
  p50Ms: z.number(),
  p95Ms: z.number(),
  p99Ms: z.number(),
});
export type CallStat = z.infer<typeof CallStat>;

/** With most calls first; with steps, in order of time. */
export const CallStats = z.object({
  /** The whole minutes or hours that were counted. */
  from: Moment,
  to: Moment,
  stats: z.array(CallStat),
  /** There are more groups than were asked for. */
  isCut: z.boolean(),
});
export type CallStats = z.infer<typeof CallStats>;

export const callStatsRoutes = {
  readCallStats: route({
    method: 'GET',
    path: '/v1/events/stats',
    permission: 'events:read',
    summary: 'Counts calls by agent, server, tool or outcome, in steps of time: rates, errors and latencies.',
    query: CallStatsQuery,
    answers: { 200: CallStats },
  }),
};
