import { z } from 'zod';
import { Moment } from './fields.js';
import { route } from './route.js';

const Applied = z.object({ epoch: z.string(), revision: z.int() });

/** One process of the deployment, by its own report. */
const Replica = z.object({
  service: z.string(),
  replica: z.string(),
  /** Where several processes are one replica. */
  worker: z.int().nullable(),
  version: z.string(),
  startedAt: Moment,
  heardAt: Moment,
  /** It has not been heard for some reports: it was killed, or is cut off from the bus. */
  isSilent: z.boolean(),
  /** What it applies; `null` until its first configuration has arrived. */
  configuration: Applied.nullable(),
  /** It does not apply the newest revision yet. */
  isBehind: z.boolean(),
  readiness: z.object({ status: z.enum(['ready', 'degraded', 'not-ready']), reasons: z.array(z.string()) }),
  faults: z.array(z.string()),
  /** Its clock minus the control plane's. */
  clockOffByMs: z.int(),
});

export const statusRoutes = {
  readStatus: route({
    method: 'GET',
    path: '/v1/status',
    permission: 'status:read',
    summary:
      'Tells the newest revision, every process with what it applies and how ready it is, and what they stand on.',
    answers: {
      200: z.object({
        at: Moment,
        version: z.string(),
        /** The newest there is; `null` while the database does not say. */
        configuration: Applied.nullable(),
        replicas: z.array(Replica),
        /** `isReachable: null`: nobody said lately. */
        database: z.object({ isReachable: z.boolean(), answeredInMs: z.int().nullable() }),
        bus: z.object({ isReachable: z.boolean(), kind: z.enum(['nats', 'in-process']) }),
        queue: z.object({ isReachable: z.boolean().nullable() }),
        /** Batches that wait in the stream, and how old the newest stored event was when it was stored. */
        events: z.object({ waiting: z.int(), lagMs: z.int().nullable(), isStoring: z.boolean() }),
        /** Those that sign now; empty while the database does not answer. */
        signingKeys: z.array(z.object({ purpose: z.string(), kid: z.string(), signsFrom: Moment, ageMs: z.int() })),
      }),
    },
  }),
};
