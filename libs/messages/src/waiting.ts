import { z } from 'zod';

/**
 * What each request says beside its own fields: for how many milliseconds its asker waits from when it was sent. A
 * length, not a moment: clocks of two machines differ by more than that.
 */
export const Waiting = z.object({ waitsMs: z.int().min(0).max(600_000) });

/** Instead of an answer: there is too much to do. Nothing was done; ask again after `retryAfterMs` at the soonest. */
export const BusyAnswer = z.object({ busy: z.object({ retryAfterMs: z.int().min(0).max(600_000) }) });
export type BusyAnswer = z.infer<typeof BusyAnswer>;

/**
 * Whose work a request is, where one user's may not crowd out another's. Said by the gateway that asks; good for
 * nothing else.
 */
export const Asker = z.object({ asker: z.string().min(1).max(128) });

/**
 * In which trace a request is made, where its asker traces: a W3C `traceparent`. Nothing is decided by it; what is none
 * counts as absent.
 */
export const Traced = z.object({ traceparent: z.string().max(64) });
