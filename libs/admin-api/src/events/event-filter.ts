import { Outcome } from '@sallyport/audit';
import { z } from 'zod';
import { Moment, text } from '../fields.js';

const MOST = 32;

/** Up to 32 of them in one text, with commas between. */
const list = <T extends z.ZodType<unknown, string>>(one: T) =>
  text(2_048)
    .transform((value) => value.split(','))
    .pipe(z.array(one).min(1).max(MOST));

/**
 * What events somebody wants to see: those that are all of this. As it travels in a query, and in the body of an
 * export; parsed, it is what the trail is asked with.
 */
export const EventFilter = z.strictObject({
  /** Happened at that moment or later. */
  from: Moment.optional(),
  /** Happened before that moment. */
  to: Moment.optional(),
  /** Types, or beginnings of types with a `*` behind: `token.issued,mcp.*`. */
  type: list(text(64)).optional(),
  userId: text(64).optional(),
  clientId: text(2048).optional(),
  server: text(64).optional(),
  /** As the server names it. */
  tool: text(2048).optional(),
  outcome: list(Outcome).optional(),
  /** A policy that decided at one hop or the other. */
  policy: text(64).optional(),
  /** The agent session. */
  sid: text(128).optional(),
  traceId: text(2048).optional(),
  /** In the name of the user or the agent, the title of the server or the tool, in whatever case. */
  text: text(128).optional(),
});
export type EventFilter = z.infer<typeof EventFilter>;
