import { z } from 'zod';

/** Ends in one message. */
export const MAX_ENDS = 1_000;

const Id = z.string().min(1).max(128);
/** Seconds since the epoch at which the session would have ended by itself. */
const ExpiresAt = z.int().min(0);
/** `[id, expiresAt]` */
const Ended = z.tuple([Id, ExpiresAt]);

/** What agents ended at one gateway: all that it has not told yet, or as much of it as one message holds. */
export const EndMcpSessions = z.object({
  v: z.literal(1),
  replica: z.string().max(64),
  ends: z
    .array(
      z.object({
        id: Id,
        /** Whose session it is: how much is kept is bounded per user. */ userId: Id,
        expiresAt: ExpiresAt,
      }),
    )
    .min(1)
    .max(MAX_ENDS),
});
export type EndMcpSessions = z.infer<typeof EndMcpSessions>;

/** All are kept but the `full` ones: of their users no more are kept, `until` when (seconds since the epoch). */
export const EndMcpSessionsAnswer = z.object({
  v: z.literal(1),
  full: z.array(z.object({ id: Id, until: ExpiresAt })).max(MAX_ENDS),
});
export type EndMcpSessionsAnswer = z.infer<typeof EndMcpSessionsAnswer>;

/** Asks for the ends with a higher order number, in their order. */
export const ListEndedMcpSessions = z.object({ v: z.literal(1), replica: z.string().max(64), after: z.int().min(0) });
export type ListEndedMcpSessions = z.infer<typeof ListEndedMcpSessions>;

/** `upTo`: the highest order number the asker knows everything of now. */
export const EndedMcpSessionsPage = z.object({
  v: z.literal(1),
  ends: z.array(Ended),
  upTo: z.int().min(0),
  isLast: z.boolean(),
});
export type EndedMcpSessionsPage = z.infer<typeof EndedMcpSessionsPage>;

/**
 * To all gateways. Who knows everything up to `after` knows everything up to `upTo` now; who does not has missed
 * something.
 */
export const McpSessionsEnded = z.object({
  v: z.literal(1),
  ends: z.array(Ended).max(MAX_ENDS),
  after: z.int().min(0),
  upTo: z.int().min(0),
});
export type McpSessionsEnded = z.infer<typeof McpSessionsEnded>;
