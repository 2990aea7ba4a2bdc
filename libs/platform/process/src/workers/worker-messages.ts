import { z } from 'zod';

/** From the supervisor to one of its workers, over the channel of the two processes. */
export const WorkerQuestion = z.object({
  type: z.literal('ask'),
  id: z.int(),
  about: z.enum(['readiness', 'metrics']),
});
export type WorkerQuestion = z.infer<typeof WorkerQuestion>;

const Readiness = z.object({
  status: z.enum(['ready', 'degraded', 'not-ready']),
  reasons: z.array(z.string()),
});

/** From a worker to its supervisor. */
export const WorkerReport = z.discriminatedUnion('type', [
  z.object({ type: z.literal('running') }),
  /** It could not start: why, in one line for operators. */
  z.object({ type: z.literal('failed'), why: z.string() }),
  z.object({ type: z.literal('readiness'), id: z.int(), readiness: Readiness }),
  /** Prometheus' text format. */
  z.object({ type: z.literal('metrics'), id: z.int(), text: z.string() }),
]);
export type WorkerReport = z.infer<typeof WorkerReport>;
