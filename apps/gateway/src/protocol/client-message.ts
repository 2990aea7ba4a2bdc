import type { JsonSource } from '@sallyport/kernel/json';
import type { JsonObject, RequestId } from '@sallyport/mcp-relay';
import type { ClientAbilities } from './client-abilities.js';
import type { ListKind } from './lists.js';
import type { LogLevel } from './log-level.js';

/**
 * Oldest last. A client that asks for another one in `initialize` is offered the first legacy one. 2024-11-05 had
 * another transport; some clients of it speak this one all the same.
 */
export const MODERN_VERSIONS = ['2026-07-28'] as const;
export const LEGACY_VERSIONS = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'] as const;

/** The only revision with JSON-RPC batches. A client has to name it, in its session or in the header. */
export const BATCH_VERSION = '2025-03-26';

/** What `initialize` agrees on: the revision that was asked for, or our newest one with sessions. */
export const legacyVersionFor = (requested: string): string =>
  (LEGACY_VERSIONS as readonly string[]).includes(requested) ? requested : LEGACY_VERSIONS[0];

export type Operation =
  | { readonly type: 'discover' }
  | { readonly type: 'initialize'; readonly requestedVersion: string }
  | { readonly type: 'ping' }
  | { readonly type: 'set-log-level'; readonly level: LogLevel }
  | { readonly type: 'list'; readonly what: ListKind; readonly cursor: string | undefined }
  | { readonly type: 'call'; readonly name: string; readonly arguments: JsonObject | undefined }
  | { readonly type: 'prompt'; readonly name: string; readonly arguments: Record<string, string> | undefined }
  | { readonly type: 'read'; readonly uri: string }
  /** For the session: of clients older than 2026-07-28. */
  | { readonly type: 'subscribe'; readonly uri: string }
  | { readonly type: 'unsubscribe'; readonly uri: string }
  | { readonly type: 'listen'; readonly wanted: SubscriptionFilter }
  /** By the id we gave it. */
  | { readonly type: 'task'; readonly what: 'get' | 'cancel'; readonly taskId: string }
  | { readonly type: 'task'; readonly what: 'update'; readonly taskId: string; readonly responses: JsonObject }
  | {
      readonly type: 'complete';
      readonly ref:
        | { readonly type: 'ref/prompt'; readonly name: string }
        | { readonly type: 'ref/resource'; readonly uri: string };
      readonly argument: { readonly name: string; readonly value: string };
      readonly context?: { readonly arguments?: Record<string, string> | undefined } | undefined;
    };

/** What a client of 2026-07-28 wants to hear of. */
export interface SubscriptionFilter {
  readonly toolsListChanged?: boolean | undefined;
  readonly promptsListChanged?: boolean | undefined;
  readonly resourcesListChanged?: boolean | undefined;
  readonly resourceSubscriptions?: readonly string[] | undefined;
  readonly taskIds?: readonly string[] | undefined;
}

/** What a client that was asked for input brings with its retry (2026-07-28). */
export interface Retry {
  readonly requestState: string | undefined;
  readonly responses: JsonObject | undefined;
}

/** What a client of 2025-11-25 or older said once, in `initialize` (B11). */
export interface McpSession {
  readonly id: string;
  readonly version: string;
  readonly abilities: ClientAbilities;
  /** What `logging/setLevel` set last. `setAt`: milliseconds since the epoch. */
  readonly log?: { readonly level: LogLevel; readonly setAt: number } | undefined;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
}

/** One request, validated: everything later steps act on, and nothing they have to look up in the body again. */
export interface ClientRequest {
  readonly era: 'modern' | 'legacy';
  readonly version: string;
  readonly id: RequestId;
  readonly method: string;
  readonly operation: Operation;
  readonly meta: JsonObject | undefined;
  /** The message it was read from. */
  readonly source?: JsonSource | undefined;
  /** What the client can do for a server that asks: of this request, or said once in `initialize`. */
  readonly abilities: ClientAbilities;
  /** The least severe log messages the client wants; none when absent. */
  readonly logLevel: LogLevel | undefined;
  /** Of a legacy client that sent its id; what it calls in another session is not this request's business. */
  readonly session: McpSession | undefined;
  readonly retry: Retry;
}

/**
 * Only these are retried with a state that is bound to what they name: nothing else ends in a question (2026-07-28).
 */
export const mayNeedInput = ({ operation: { type } }: ClientRequest): boolean =>
  type === 'call' || type === 'prompt' || type === 'read';

export type ClientMessage =
  | { readonly type: 'request'; readonly request: ClientRequest }
  /** A legacy client's answer to a question that was put to it. */
  | {
      readonly type: 'answer';
      readonly id: RequestId;
      readonly answer: JsonObject;
      readonly sessionId: string | undefined;
    }
  /** A legacy client no longer wants the answer to this request. */
  | {
      readonly type: 'cancelled';
      readonly method: string;
      readonly requestId: RequestId;
      readonly sessionId: string | undefined;
    }
  /** Other notifications: accepted and dropped. */
  | { readonly type: 'accepted'; readonly method: string | undefined; readonly era: 'modern' | 'legacy' };
