import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Caller } from '@sallyport/policy';
import type { ClientRequest } from '../protocol/client-message.js';
import { QUESTION_METHODS } from '../protocol/question.js';
import type { StateSealer } from './state-sealer.js';

/** What we hand a client of 2026-07-28 to bring back when it retries after `input_required`. */
const RequestState = z.object({
  /**
   * `connect`: we asked. `visit`: a legacy server wants a page opened first. `server`: a modern one asked, and gets its
   * own state back verbatim. `parked`: a legacy one did, and its stream is held.
   */
  kind: z.enum(['connect', 'visit', 'server', 'parked']),
  downstream: z.string().optional(),
  parked: z.object({ replica: z.string(), park: z.string() }).optional(),
  /** What the server asked for, by its own keys: answers to anything else do not reach it. */
  asked: z.record(z.string(), z.enum(QUESTION_METHODS)).optional(),
  /** Milliseconds since the epoch. */
  expiresAt: z.int(),
});
export type RequestState = z.infer<typeof RequestState>;

const LIFETIME_MS = 15 * 60_000;

/** The operation a state belongs to. Not the whole params: a retry differs in `inputResponses` and `_meta`. */
export interface StatefulOperation {
  readonly server: string;
  readonly method: string;
  /** The tool's public name with its arguments, or the public URI. */
  readonly subject: readonly [name: string, args: unknown];
}

/** The operation a request asks for, as its client names it. */
export function statefulOperation({ method, operation }: ClientRequest, server: string): StatefulOperation {
  switch (operation.type) {
    case 'call':
    case 'prompt':
      return { server, method, subject: [operation.name, operation.arguments ?? {}] };
    case 'read':
      return { server, method, subject: [operation.uri, null] };
    default:
      return { server, method, subject: ['', null] };
  }
}

const boundTo = (caller: Caller, operation: StatefulOperation) => [
  caller.userId,
  caller.clientId,
  caller.sid,
  operation.server,
  operation.method,
  digest(operation.subject),
];

export function sealRequestState(
  sealer: StateSealer,
  caller: Caller,
  operation: StatefulOperation,
  state: Omit<RequestState, 'expiresAt'>,
  now: number,
): string {
  return sealer.seal('request-state', { ...state, expiresAt: now + LIFETIME_MS }, boundTo(caller, operation));
}

/** `undefined` unless this caller got it for this very operation, recently. It proves nothing but that. */
export function openRequestState(
  sealer: StateSealer,
  caller: Caller,
  operation: StatefulOperation,
  sealed: string,
  now: number,
): RequestState | undefined {
  const state = RequestState.safeParse(sealer.open('request-state', sealed, boundTo(caller, operation))).data;
  return state !== undefined && state.expiresAt > now ? state : undefined;
}

function digest([name, args]: StatefulOperation['subject']): string {
  return createHash('sha256')
    .update(JSON.stringify([name, canonical(args)]))
    .digest('base64url');
}

/** Key order does not matter: a client may build its arguments anew. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return {
    members: Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, canonical(item)]),
  };
}
