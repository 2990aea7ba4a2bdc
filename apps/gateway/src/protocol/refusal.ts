import type { AccessTokenVerifier, TokenFailure } from '@sallyport/access-token';
import type { ReceivedUri } from '@sallyport/server';
import type { JsonObject, RelayFailure, SaidError } from '@sallyport/mcp-relay';
import type { DenialReason } from '@sallyport/policy';

/** Why a call that ran was ended here. */
export type EndReason =
  | 'cancelled'
  | 'session_ended'
  | 'configuration_stale'
  | 'gateway_stopping'
  | 'credential_revoked'
  | 'permit_lost'
  | `token_${NonNullable<ReturnType<AccessTokenVerifier['endOf']>> | 'expired'}`;

/** Everything the gateway says no with. A value, handled to exhaustion in one place: `refuse.ts`. */
export type Refusal =
  /** We cannot vouch for anything right now: no configuration, too old a one, no room for events. */
  | { readonly type: 'not-ready'; readonly reason: string }
  /** It ran, and no record of it could be written: the one refusal that comes after the deed. */
  | { readonly type: 'unrecorded'; readonly recordId: string; readonly isDone: boolean }
  | { readonly type: 'unauthenticated'; readonly reason: TokenFailure | 'no_token' | 'lease_unauthenticated' }
  | { readonly type: 'http-method' }
  | { readonly type: 'repeated-header'; readonly header: string }
  | { readonly type: 'body-too-large' }
  | { readonly type: 'media-type' }
  | { readonly type: 'not-json' }
  | { readonly type: 'invalid-request'; readonly message: string }
  | { readonly type: 'envelope'; readonly message: string }
  | { readonly type: 'header-mismatch'; readonly message: string }
  | { readonly type: 'unsupported-version'; readonly requested: string }
  | { readonly type: 'unknown-method'; readonly method: string }
  | { readonly type: 'invalid-params'; readonly message: string }
  /** Of one user, or of all of them (`byAll`), at this replica. */
  | {
      readonly type: 'too-many';
      readonly what: 'calls' | 'subscriptions' | 'sessions' | 'requests' | 'bytes' | 'records';
      readonly byAll: boolean;
    }
  /** Of what other gateways have to be told of, by one user's agents. */
  | { readonly type: 'too-often'; readonly retryAfterSeconds: number }
  | { readonly type: 'session-not-found' }
  /** It ran and was ended here: it may have taken effect at its server. */
  | { readonly type: 'ended'; readonly reason: EndReason }
  /** Too many ended sessions of this user are remembered; this one goes on until it ends by itself. */
  | { readonly type: 'session-not-ended'; readonly retryAfterSeconds: number }
  /** `/mcp/<server>` of one that is not there, or not for this caller: the two are one (security rule S15). */
  | { readonly type: 'unknown-server' }
  /** Also what a hidden one looks like: the texts are one (security rule S15). */
  | { readonly type: 'unknown-tool'; readonly name: string }
  | { readonly type: 'unknown-prompt'; readonly name: string }
  | { readonly type: 'unknown-resource'; readonly uri: string }
  /** A resource in another form than its normal one (security rule S13). Says nothing of what is there. */
  | ({ readonly type: 'uri-not-normal' } & Pick<Extract<ReceivedUri, { type: 'not-normal' }>, 'part' | 'normal'>)
  /** Also what one of another caller's, an altered id and a lost permit look like. */
  | { readonly type: 'unknown-task' }
  /** The first hop: this user through this agent may not come in. */
  | { readonly type: 'not-admitted'; readonly reason: DenialReason }
  /** The second hop, and no scope would cure it. */
  | { readonly type: 'denied'; /** Where asking in other words would help. */ readonly advice?: string | undefined }
  /** Policy allows it, and whoever gives out the credential does not; in words for the user. */
  | { readonly type: 'credential-refused'; readonly message: string }
  /**
   * `missing`: of those required, what the token lacks; `requiredScopes`: what a token has to have, and what it has
   * now.
   */
  | {
      readonly type: 'insufficient-scope';
      readonly requiredScopes: readonly string[];
      readonly missing: readonly string[];
    }
  | {
      readonly type: 'connect-required';
      readonly server: string;
      readonly title: string;
      readonly url: string;
      readonly message: string;
      readonly requestState: string;
      /** The link itself was asked for, with our connect tool. */ readonly isAskedFor?: true;
    }
  | { readonly type: 'connect-declined'; readonly title: string }
  | { readonly type: 'missing-capability'; readonly required: JsonObject }
  /** The server sends the user to a page first, and the client is of 2025-11-25. */
  | { readonly type: 'visit-required'; readonly visits: readonly JsonObject[] }
  | {
      readonly type: 'server-unavailable';
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
      /** Where it redirects. */ readonly location?: string | undefined;
      /** Why, in its own words. */ readonly said?: SaidError | undefined;
      /** Why, in a sentence of the control plane's. */ readonly why?: string | undefined;
    }
  /** An error of the server's own, in its words, about the operation. */
  | { readonly type: 'server-error'; readonly code: number; readonly message: string; readonly data?: unknown };

/** Every type of refusal, and the compiler sees to it: what a step returns besides has another `type`, or none. */
const REFUSALS: { readonly [T in Refusal['type']]: true } = {
  'not-ready': true,
  unrecorded: true,
  unauthenticated: true,
  'http-method': true,
  'repeated-header': true,
  'body-too-large': true,
  'media-type': true,
  'not-json': true,
  'invalid-request': true,
  envelope: true,
  'header-mismatch': true,
  'unsupported-version': true,
  'unknown-method': true,
  'invalid-params': true,
  'too-many': true,
  'too-often': true,
  'session-not-found': true,
  ended: true,
  'session-not-ended': true,
  'unknown-server': true,
  'unknown-tool': true,
  'unknown-prompt': true,
  'unknown-resource': true,
  'uri-not-normal': true,
  'unknown-task': true,
  'not-admitted': true,
  denied: true,
  'credential-refused': true,
  'insufficient-scope': true,
  'connect-required': true,
  'connect-declined': true,
  'missing-capability': true,
  'visit-required': true,
  'server-unavailable': true,
  'server-error': true,
};

export const isRefusal = (value: object): value is Refusal =>
  'type' in value && typeof value.type === 'string' && Object.hasOwn(REFUSALS, value.type);

/** Why a server has no share of a list, as far as it is for this caller to know. */
export interface Missing {
  readonly reason: string;
  /** HTTP. */
  readonly status?: number;
  readonly retryAfterSeconds?: number;
  readonly location?: string;
  /** In the server's own words. */
  readonly message?: string;
}

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
