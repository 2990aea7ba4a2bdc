import type { Dispatcher } from 'undici';
import type { RequestId, SaidError, ServerMessage } from './json-rpc.js';
import type { ClientCertificate, RequestCredential } from './request-credential.js';

/** One JSON-RPC message, where nothing else is configured. */
export const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

export interface RelayOptions {
  /** Pools connections per origin, follows no redirect and connects only to checked addresses. */
  readonly dispatcher: Dispatcher;
  /** Connections for one client certificate, which nothing else uses. Without it no certificate can be shown. */
  readonly dispatcherWith?: (certificate: ClientCertificate) => Dispatcher;
  readonly userAgent: string;
  /** One JSON-RPC message. Default 16 MiB. */
  readonly maxMessageBytes?: number;
}

export interface RelayRequest {
  readonly url: URL;
  readonly credential: RequestCredential;
  /** Protocol headers, lower case; the only others that travel (security rule S11). */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Until the first byte, and between two. */
  readonly idleTimeoutMs: number;
  /** True while the server may be silent because it waits for us: then its idle time does not run. */
  readonly mayBeSilent?: (() => boolean) | undefined;
  /** The response to `id` may be passed on in pieces, and then be this large; see `ServerMessage.large`. */
  readonly large?: { readonly id: RequestId; readonly maxBytes: number } | undefined;
  /** One JSON-RPC message of the answer, where it may not be as large as others. */
  readonly maxMessageBytes?: number | undefined;
  /** Where what is gathered of the answer is counted, as long as it is (security rule S33). */
  readonly room?: AnswerRoom | undefined;
  /** It changes nothing: on a connection that the server was just closing it is made once more. */
  readonly isHarmless?: boolean | undefined;
  /** Aborting it ends the exchange at the server's side too. */
  readonly signal: AbortSignal;
}

/** Room for what is held of an answer while it is read. */
export interface AnswerRoom {
  /** @returns false when there is none: then the answer is not read on */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export type RelayFailure =
  | 'no-room'
  | 'unreachable'
  | 'proxy-failed'
  | 'refused-destination'
  | 'timeout'
  | 'interrupted'
  | 'too-large'
  | 'not-mcp'
  /** It speaks only HTTP+SSE, the transport of 2024-11-05. */
  | 'sse-only'
  | 'http-status'
  | 'redirected'
  | 'refused'
  | 'asked-for-input'
  | 'certificate-refused'
  | 'server-untrusted';

/** How far a stream was read, as the server counts (2025-11-25, resumability). Moves on while it is read. */
export interface StreamPosition {
  /** `Last-Event-ID`; without one the stream cannot be asked for again. */
  lastEventId: string | undefined;
  /** How long the server wants us to wait first. */
  retryMs: number | undefined;
}

/** What the server did. `messages` must be taken or `signal` aborted: an open answer holds a connection. */
export type RelayAnswer =
  | {
      readonly type: 'message';
      readonly status: number;
      readonly message: ServerMessage;
      /** Of an error: when to ask again. */ readonly retryAfterSeconds?: number;
      /** A legacy server's session; ours to keep, never relayed. */ readonly sessionId: string | undefined;
    }
  | {
      readonly type: 'stream';
      readonly status: number;
      readonly messages: AsyncIterable<ServerMessage>;
      readonly position: StreamPosition;
      readonly sessionId: string | undefined;
    }
  | { readonly type: 'accepted' }
  | { readonly type: 'credential-rejected' }
  | {
      readonly type: 'failed';
      readonly reason: RelayFailure;
      readonly status?: number;
      readonly retryAfterSeconds?: number;
      /** Where a redirect leads, without its query. Nothing follows it (S11). */ readonly location?: string;
      /** Why, in the server's own words. */ readonly said?: SaidError;
      /** Why, in our words; for operators. */ readonly why?: string;
      /** `WWW-Authenticate` of a 403; ours to read, never relayed. */ readonly challenge?: string;
    };

/**
 * Hears the answer to a request: itself, where it came whole and small, else the promise of it. Nothing else is heard.
 */
export type HearAnswer = (answer: RelayAnswer | Promise<RelayAnswer>) => void;

/** A request under way. */
export interface PostedRequest {
  /** Ends the exchange, at the server's side too. */
  readonly abort: () => void;
}

/** As `RelayRequest`; its signal is asked for only where the answer is read as it comes. */
export interface DirectRequest extends Omit<RelayRequest, 'signal' | 'mayBeSilent' | 'isHarmless'> {
  readonly signal: () => AbortSignal;
}

export interface Relay {
  post(request: RelayRequest): Promise<RelayAnswer>;
  /**
   * Posts a request that nothing has to be awaited for, and hears a small whole answer without a promise (decision
   * 0049). The server may be silent for no longer than its idle time.
   * @returns undefined when nothing was sent: its credential signs, or is a certificate
   */
  postDirectly(request: DirectRequest, hear: HearAnswer): PostedRequest | undefined;
  /** Asks for what follows in a stream that the server closed before it was through. */
  resume(request: Omit<RelayRequest, 'body'>, lastEventId: string): Promise<RelayAnswer>;
  /** Opens a legacy server's own stream, which may be silent for as long as it likes. */
  listen(
    request: Pick<RelayRequest, 'url' | 'credential' | 'headers' | 'idleTimeoutMs' | 'signal'>,
  ): Promise<RelayAnswer>;
  /**
   * Whether there is a server of the transport of 2024-11-05, HTTP+SSE: its stream begins with an event `endpoint`,
   * which says where to post (2025-11-25, Transports, backwards compatibility). False when that cannot be found out.
   */
  announcesEndpoint(
    request: Pick<RelayRequest, 'url' | 'credential' | 'headers' | 'idleTimeoutMs' | 'signal'>,
  ): Promise<boolean>;
  /** Ends a legacy session, as a courtesy: whether it worked does not matter. */
  end(request: Pick<RelayRequest, 'url' | 'credential' | 'headers'>): Promise<void>;
}
