import type { TokenFailure } from '@sallyport/access-token';
import type { ReceivedUri } from '@sallyport/server';
import type { JsonObject, RelayFailure } from '@sallyport/mcp-relay';
import type { DenialReason } from '@sallyport/policy';
import type { EndReason } from './open-calls.js';

/** Everything the gateway says no with. A value, handled to exhaustion in one place: `refuse.ts`. */
export type Refusal =
  /** We cannot vouch for anything right now: no configuration, too old a one, no room for events. */
  | { readonly refused: 'not-ready'; readonly reason: string }
  /** It ran, and no record of it could be written: the one refusal that comes after the deed. */
  | { readonly refused: 'unrecorded'; readonly recordId: string; readonly isDone: boolean }
  | { readonly refused: 'unauthenticated'; readonly reason: TokenFailure | 'no_token' | 'lease_unauthenticated' }
  | { readonly refused: 'http-method' }
  | { readonly refused: 'repeated-header'; readonly header: string }
  | { readonly refused: 'body-too-large' }
  | { readonly refused: 'media-type' }
  | { readonly refused: 'not-json' }
  | { readonly refused: 'invalid-request'; readonly message: string }
  | { readonly refused: 'envelope'; readonly message: string }
  | { readonly refused: 'header-mismatch'; readonly message: string }
  | { readonly refused: 'unsupported-version'; readonly requested: string }
  | { readonly refused: 'unknown-method'; readonly method: string }
  | { readonly refused: 'invalid-params'; readonly message: string }
  /** Of one user, or of all of them (`byAll`), at this replica. */
  | {
      readonly refused: 'too-many';
      readonly what: 'calls' | 'subscriptions' | 'requests' | 'bytes';
      readonly byAll: boolean;
    }
  /** Of what every gateway has to be told of, by one user's agents. */
  | { readonly refused: 'too-often'; readonly retryAfterSeconds: number }
  | { readonly refused: 'session-not-found' }
  /** It ran and was ended here: it may have taken effect at its server. */
  | { readonly refused: 'ended'; readonly reason: EndReason }
  /** Too many ended sessions of this user are remembered; this one goes on until it ends by itself. */
  | { readonly refused: 'session-not-ended'; readonly retryAfterSeconds: number }
  /** `/mcp/<server>` of one that is not there, or not for this caller: the two are one (security rule S15). */
  | { readonly refused: 'unknown-server' }
  /** Also what a hidden one looks like: the texts are one (security rule S15). */
  | { readonly refused: 'unknown-tool'; readonly name: string }
  | { readonly refused: 'unknown-prompt'; readonly name: string }
  | { readonly refused: 'unknown-resource'; readonly uri: string }
  /** A resource in another form than its normal one (security rule S13). Says nothing of what is there. */
  | ({ readonly refused: 'uri-not-normal' } & Pick<Extract<ReceivedUri, { type: 'not-normal' }>, 'part' | 'normal'>)
  /** Also what one of another caller's, an altered id and a lost permit look like. */
  | { readonly refused: 'unknown-task' }
  /** The first hop: this user through this agent may not come in. */
  | { readonly refused: 'not-admitted'; readonly reason: DenialReason }
  /** The second hop, and no scope would cure it. */
  | { readonly refused: 'denied' }
  /** Policy allows it, and whoever gives out the credential does not; in words for the user. */
  | { readonly refused: 'credential-refused'; readonly message: string }
  | { readonly refused: 'insufficient-scope'; readonly requiredScopes: readonly string[] }
  | {
      readonly refused: 'connect-required';
      readonly server: string;
      readonly title: string;
      readonly url: string;
      readonly message: string;
      readonly requestState: string;
    }
  | { readonly refused: 'connect-declined'; readonly title: string }
  | { readonly refused: 'missing-capability'; readonly required: JsonObject }
  /** The server sends the user to a page first, and the client is of 2025-11-25. */
  | { readonly refused: 'visit-required'; readonly visits: readonly JsonObject[] }
  | {
      readonly refused: 'server-unavailable';
      readonly title: string;
      readonly reason:
        | RelayFailure
        | 'credential-rejected'
        | 'credential-unavailable'
        | 'scopes-missing'
        | 'protocol'
        | 'needs-tasks'
        | 'no-input'
        | 'parked-call-lost';
      readonly retryAfterSeconds?: number | undefined;
      /** The request itself was not sent: what it is about could not be found. */ readonly isUnsent?: true;
      /** HTTP, of the server's answer. */ readonly status?: number | undefined;
    }
  /** An error of the server's own, in its words, about the operation. */
  | { readonly refused: 'server-error'; readonly code: number; readonly message: string; readonly data?: unknown };

export const isRefusal = (value: object): value is Refusal => 'refused' in value;

/** Codes of our own stay outside the range JSON-RPC reserves (-32768 … -32000). */
export const errorCodes = {
  parse: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  invalidParams: -32602,
  headerMismatch: -32020,
  missingCapability: -32021,
  unsupportedVersion: -32022,
  legacyServer: -32000,
  legacySessionNotFound: -32001,
  urlElicitationRequired: -32042,
  notAdmitted: -31401,
  denied: -31403,
  unknownServer: -31404,
  connectRequired: -31407,
  serverUnavailable: -31503,
  notReady: -31500,
  ended: -31499,
  unrecorded: -31507,
} as const;

export interface JsonRpcError extends JsonObject {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}
