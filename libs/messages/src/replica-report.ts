import { z } from 'zod';

/** How often each process reports, if nothing changes. Milliseconds. */
export const REPORT_INTERVAL_MS = 2_000;

/** What keeps a process from all of its work. What each means to operators, its readiness says in words. */
export const REPLICA_FAULTS = [
  /** It has no configuration yet. */
  'configuration-missing',
  /** It has none, because what it hears is signed by another key than the one it pins. */
  'configuration-untrusted',
  /** Its configuration is older than the staleness bound: it refuses requests. */
  'configuration-stale',
  /** The authorization server's keys are not loaded: no token can be verified. */
  'issuer-keys-missing',
  /** Its event spool takes no records: calls are refused. */
  'spool-refuses',
  /** Its events wait on its disk. */
  'events-not-shipped',
  /** The job queue (Redis or PostgreSQL) does not answer. */
  'queue-unreachable',
] as const;
export type ReplicaFault = (typeof REPLICA_FAULTS)[number];

const Moment = z.int().min(0);
const isKnown = (fault: unknown): boolean => REPLICA_FAULTS.some((known) => known === fault);

/**
 * What a process says of itself, to every control plane: at once when its configuration changes or it ends, and every
 * few seconds. Who speaks is not in here: the bus knows it from the subject, which nobody else may publish to.
 */
export const ReplicaReport = z.object({
  v: z.literal(1),
  version: z.string().max(64),
  /** Milliseconds since the epoch, by the clock of the process; so is `at`. */
  startedAt: Moment,
  /** When the report was made. Beside the time of its arrival it tells how far two clocks are apart. */
  at: Moment,
  /** `ended`: the process stops, and is to be forgotten. */
  state: z.enum(['running', 'ended']),
  /** What it applies; `null` until the first configuration has arrived. */
  configuration: z.object({ epoch: z.string().max(128), revision: z.int().min(0) }).nullable(),
  readiness: z.object({
    status: z.enum(['ready', 'degraded', 'not-ready']),
    reasons: z.array(z.string().max(500)).max(32),
  }),
  /** Those this version knows: a newer process may name others. */
  faults: z.preprocess(
    (list) => (Array.isArray(list) ? list.slice(0, 64).filter(isKnown) : list),
    z.array(z.enum(REPLICA_FAULTS)),
  ),
});
export type ReplicaReport = z.infer<typeof ReplicaReport>;
