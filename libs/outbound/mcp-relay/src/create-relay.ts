import type { Dispatcher } from 'undici';
import { SallyportError } from '@sallyport/kernel';
import { isResponseTo, parseMessage } from './json-rpc.js';
import type { RequestId, ServerMessage } from './json-rpc.js';
import { readLargeMessage, wholeMessage } from './large-message.js';
import type { ClientCertificate, RequestCredential } from './request-credential.js';
import { readEvents } from './server-sent-events.js';

export interface RelayOptions {
  /** Pools connections per origin, follows no redirect and connects only to checked addresses. */
  readonly dispatcher: Dispatcher;
  /** The same for a client certificate: connections of its own, which nothing else uses. Without it no certificate can be shown. */
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
  | 'refused-destination'
  | 'timeout'
  | 'interrupted'
  | 'too-large'
  | 'not-mcp'
  | 'http-status'
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
      /** `WWW-Authenticate` of a 403; ours to read, never relayed. */ readonly challenge?: string;
    };

export interface Relay {
  post(request: RelayRequest): Promise<RelayAnswer>;
  /** Asks for what follows in a stream that the server closed before it was through. */
  resume(request: Omit<RelayRequest, 'body'>, lastEventId: string): Promise<RelayAnswer>;
  /** Opens a legacy server's own stream, which may be silent for as long as it likes. */
  listen(
    request: Pick<RelayRequest, 'url' | 'credential' | 'headers' | 'idleTimeoutMs' | 'signal'>,
  ): Promise<RelayAnswer>;
  /** Ends a legacy session, as a courtesy: whether it worked does not matter. */
  end(request: Pick<RelayRequest, 'url' | 'credential' | 'headers'>): Promise<void>;
}

interface Sent {
  readonly method: 'POST' | 'GET' | 'DELETE';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const END_TIMEOUT_MS = 5_000;
/** From so many bytes on, a message that may be passed on in pieces is. */
const LARGE = 1024 * 1024;

/** The only way to a server: one POST, one answer, as a message or a stream of them. */
export function createRelay({
  dispatcher,
  dispatcherWith,
  userAgent,
  maxMessageBytes = 16 * 1024 * 1024,
}: RelayOptions): Relay {
  /** What is signed is what is sent: nothing changes it afterwards. */
  async function send(
    { url, credential, headers }: Pick<RelayRequest, 'url' | 'credential' | 'headers'>,
    { method, headers: own = {}, body = '' }: Sent,
    options: Pick<Dispatcher.RequestOptions, 'headersTimeout' | 'bodyTimeout' | 'signal'>,
  ): Promise<Dispatcher.ResponseData> {
    const sent = { ...lowerCased(credential.headers), ...own, 'user-agent': userAgent, ...headers };
    const signature = await credential.sign?.({ method, url, headers: sent, body });
    return await dispatcherFor(credential).request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      headers: { ...sent, ...signature },
      ...(body === '' ? {} : { body }),
      ...options,
    });
  }

  function dispatcherFor({ clientCertificate }: RequestCredential): Dispatcher {
    if (clientCertificate === undefined) return dispatcher;
    if (dispatcherWith === undefined)
      throw new SallyportError('client_certificate_unusable', 'No client certificate can be shown here.');
    return dispatcherWith(clientCertificate);
  }

  async function exchange(
    {
      idleTimeoutMs,
      mayBeSilent,
      signal,
      large,
      maxMessageBytes: maxBytes = maxMessageBytes,
      room,
      ...request
    }: Omit<RelayRequest, 'body'>,
    sent: Sent,
  ): Promise<RelayAnswer> {
    let response: Dispatcher.ResponseData;
    const silence = new AbortController();
    // A server that answers all at once may be waiting for us before its first byte, too.
    const isPatient = sent.method === 'POST' && mayBeSilent !== undefined;
    const heard = isPatient ? watchSilence({ idleTimeoutMs, mayBeSilent }, (error) => silence.abort(error)) : undefined;
    try {
      response = await send(request, sent, {
        headersTimeout: isPatient ? 0 : idleTimeoutMs,
        bodyTimeout: 0, // measured by `chunksOf`
        signal: isPatient ? AbortSignal.any([signal, silence.signal]) : signal,
      });
    } catch (error) {
      return { type: 'failed', reason: reasonOf(error) };
    } finally {
      heard?.();
    }
    try {
      return await readAnswer(response, {
        maxMessageBytes: Math.min(maxBytes, maxMessageBytes),
        idleTimeoutMs,
        mayBeSilent,
        large,
        room,
        signal,
      });
    } catch (error) {
      discard(response);
      return { type: 'failed', reason: reasonOf(error), status: response.statusCode };
    }
  }

  return {
    post: ({ body, ...request }) =>
      exchange(request, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      }),
    resume: (request, lastEventId) =>
      exchange(request, { method: 'GET', headers: { accept: 'text/event-stream', 'last-event-id': lastEventId } }),
    listen: (request) =>
      exchange({ ...request, mayBeSilent: () => true }, { method: 'GET', headers: { accept: 'text/event-stream' } }),
    async end(request) {
      try {
        discard(await send(request, { method: 'DELETE' }, { signal: AbortSignal.timeout(END_TIMEOUT_MS) }));
      } catch {
        // Its own idle time ends the session then.
      }
    },
  };
}

interface ReadLimits extends Pick<RelayRequest, 'idleTimeoutMs' | 'mayBeSilent' | 'large' | 'room' | 'signal'> {
  readonly maxMessageBytes: number;
}

async function readAnswer(response: Dispatcher.ResponseData, limits: ReadLimits): Promise<RelayAnswer> {
  const { statusCode: status } = response;
  const mediaType = String(response.headers['content-type'] ?? '')
    .split(';')[0]
    ?.trim()
    .toLowerCase();
  const sessionHeader = response.headers['mcp-session-id'];
  const sessionId =
    typeof sessionHeader === 'string' && /^[\x21-\x7E]{1,1024}$/.test(sessionHeader) ? sessionHeader : undefined;
  const isEncoded =
    response.headers['content-encoding'] !== undefined && response.headers['content-encoding'] !== 'identity';
  if (status === 401 || isStaleAwsKey(response)) {
    discard(response);
    return { type: 'credential-rejected' };
  }
  if (status === 202 || status === 204) {
    discard(response);
    return { type: 'accepted' };
  }
  // 400 and 404 may carry the JSON-RPC error that says why (2026-07-28, transport).
  if (isEncoded || (status !== 200 && status !== 400 && status !== 404)) {
    discard(response);
    const retryAfterSeconds =
      status === 429 || status === 503 ? retryAfter(response.headers['retry-after']) : undefined;
    const challenge = status === 403 ? response.headers['www-authenticate'] : undefined;
    return {
      type: 'failed',
      reason: isEncoded ? 'not-mcp' : 'http-status',
      status,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
      ...(typeof challenge === 'string' ? { challenge } : {}),
    };
  }
  if (mediaType === 'text/event-stream' && status === 200) {
    const position: StreamPosition = { lastEventId: undefined, retryMs: undefined };
    return { type: 'stream', status, messages: messagesOf(response, limits, position), position, sessionId };
  }
  if (mediaType === 'application/json') {
    const message = await readMessage(response, limits);
    return message === undefined
      ? { type: 'failed', reason: 'not-mcp', status }
      : { type: 'message', status, message, sessionId };
  }
  discard(response);
  return { type: 'failed', reason: status === 200 ? 'not-mcp' : 'http-status', status };
}

async function* messagesOf(
  response: Dispatcher.ResponseData,
  limits: ReadLimits,
  position: StreamPosition,
): AsyncGenerator<ServerMessage> {
  const gathered = new Gathered(limits);
  try {
    for await (const { id, retryMs, data, rest } of readEvents(
      gathered.counted(chunksOf(response, limits)),
      limits.maxMessageBytes,
      limits.large && LARGE,
    )) {
      if (id !== undefined) position.lastEventId = isHeaderSafe(id) ? id : undefined;
      if (retryMs !== undefined) position.retryMs = retryMs;
      const message = rest === undefined ? parseMessage(data) : await readLarge(data, rest, limits, gathered);
      if (message !== undefined) yield message;
      gathered.release(); // what it was made of has been passed on
    }
  } finally {
    gathered.end();
    discard(response);
  }
}

/** Chunks as they are taken. Only the server's silence counts: time in which nobody asks for the next chunk is the reader's. */
async function* chunksOf(response: Dispatcher.ResponseData, limits: ReadLimits): AsyncGenerator<Uint8Array> {
  const chunks = (response.body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  for (;;) {
    const heard = watchSilence(limits, (error) => response.body.destroy(error));
    const next = await chunks.next().finally(heard);
    if (next.done === true) return;
    yield next.value;
  }
}

/** Time in which the server may be silent does not count, and neither does what went before it. @returns what to call when it was heard. */
function watchSilence(
  { idleTimeoutMs, mayBeSilent }: Pick<RelayRequest, 'idleTimeoutMs' | 'mayBeSilent'>,
  onSilent: (error: SallyportError<string>) => void,
): () => void {
  let silentParts = 0;
  const timer = setInterval(() => {
    silentParts = mayBeSilent?.() === true ? 0 : silentParts + 1;
    if (silentParts >= PARTS) onSilent(new SallyportError('relay_timeout', 'The server fell silent.'));
  }, idleTimeoutMs / PARTS);
  return () => clearInterval(timer);
}
const PARTS = 4;

async function readMessage(response: Dispatcher.ResponseData, limits: ReadLimits): Promise<ServerMessage | undefined> {
  const { maxMessageBytes: maxBytes, large } = limits;
  // What the server says itself is too large is not begun with.
  if (Number(response.headers['content-length'] ?? 0) > Math.max(maxBytes, large?.maxBytes ?? 0)) throw tooLarge();
  const gathered = new Gathered(limits);
  const incoming = gathered.counted(chunksOf(response, limits));
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for (let next = await incoming.next(); next.done !== true; next = await incoming.next()) {
      size += next.value.length;
      keepPiece(pieces, next.value);
      if (size > maxBytes && large === undefined) throw tooLarge();
      if (size <= LARGE || large === undefined) continue;
      const decoder = new TextDecoder('utf-8');
      const decode = (bytes: Uint8Array) => decoder.decode(bytes, { stream: true });
      return await readLarge(
        decode(Buffer.concat(pieces.splice(0))),
        textOf(response, incoming, decode, gathered),
        limits,
        gathered,
      );
    }
    return parseMessage(Buffer.concat(pieces).toString('utf8'));
  } finally {
    if (!gathered.isPassing) gathered.end();
  }
}

/** Joins neighbours of like size as they gather, so that an answer in pieces of a byte costs no more than another. */
function keepPiece(pieces: Uint8Array[], piece: Uint8Array): void {
  let last = piece;
  for (let before = pieces.at(-1); before !== undefined && before.length <= last.length; before = pieces.at(-1)) {
    last = Buffer.concat([before, last]);
    pieces.pop();
  }
  pieces.push(last);
}

/** What is held of one answer, counted as it comes. */
class Gathered {
  readonly #room: AnswerRoom | undefined;
  #isAborted = false;
  #isOver = false;
  #arrived = 0;
  #held = 0;
  /** From now on pieces are passed on as they come: the one before is gone when the next is asked for. */
  isPassing = false;

  /** @param signal once it is aborted nobody wants the answer, whether or not anybody began to read it */
  constructor({ room, signal }: Pick<ReadLimits, 'room' | 'signal'>) {
    this.#room = room;
    if (room === undefined) return;
    signal.addEventListener(
      'abort',
      () => {
        this.end();
        this.#isAborted = true;
      },
      { once: true },
    );
  }

  async *counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      if (this.isPassing) this.#giveArrived();
      this.#take(chunk.length);
      if (!this.#isOver) this.#arrived += chunk.length;
      yield chunk;
    }
  }

  /** Of what passes, this much stays. */
  hold(bytes: number): void {
    this.#take(bytes);
    if (!this.#isOver) this.#held += bytes;
  }

  release(): void {
    this.#giveArrived();
    this.#room?.give(this.#held);
    this.#held = 0;
    this.isPassing = false;
  }

  /** The server has said all: what is still looked at of it, a piece at most, counts no more. */
  end(): void {
    this.release();
    this.#isOver = true;
  }

  #take(bytes: number): void {
    if (this.#isOver && !this.#isAborted) return;
    if (this.#isAborted || this.#room?.take(bytes) === false)
      throw new SallyportError('no_room_for_answer', 'There is no room for more of the answer.');
  }

  #giveArrived(): void {
    this.#room?.give(this.#arrived);
    this.#arrived = 0;
  }
}

/** Ends in order also when nobody began to read it. */
function textOf(
  response: Dispatcher.ResponseData,
  chunks: AsyncIterable<Uint8Array>,
  decode: (bytes: Uint8Array) => string,
  gathered: Gathered,
): AsyncIterable<string> {
  const end = () => {
    gathered.end();
    discard(response);
  };
  const texts = (async function* () {
    try {
      for await (const chunk of chunks) yield decode(chunk);
    } finally {
      end();
    }
  })();
  const iterator: AsyncIterator<string> = {
    next: () => texts.next(),
    return: () => {
      end();
      return texts.return();
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

async function readLarge(
  begun: string,
  rest: AsyncIterable<string>,
  { maxMessageBytes, large }: ReadLimits,
  gathered: Gathered,
): Promise<ServerMessage | undefined> {
  if (large === undefined) throw tooLarge();
  const { id, maxBytes } = large;
  gathered.isPassing = true;
  const message = await readLargeMessage(begun, rest, {
    id,
    maxHeld: maxMessageBytes,
    maxLength: maxBytes,
    hold: (characters) => gathered.hold(characters),
  });
  return message === undefined || isResponseTo(message, id) ? message : await wholeMessage(message, maxMessageBytes);
}

const tooLarge = () => new SallyportError('message_too_large', 'The server sent a message that is too large.');

/** Ends what is left of an answer; its own error no longer matters. */
function discard(response: Dispatcher.ResponseData): void {
  if (!response.body.destroyed) response.body.on('error', () => undefined).destroy();
}

/** What went wrong while an answer was being read or awaited, by error code; never by message. */
export function reasonOf(error: unknown): RelayFailure {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (code) {
    case 'ECONNREFUSED':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'unreachable';
    case 'outbound_refused':
      return 'refused-destination';
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'ETIMEDOUT':
    case 'relay_timeout':
      return 'timeout';
    case 'asked_without_session':
      return 'asked-for-input';
    case 'message_too_large':
      return 'too-large';
    case 'no_room_for_answer':
      return 'no-room';
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
      return 'server-untrusted';
    default:
      return CERTIFICATE_ALERT.test(code) ? 'certificate-refused' : 'interrupted';
  }
}

/** What a server says in TLS about the certificate we showed, or should have shown (RFC 8446 section 6.2). */
const CERTIFICATE_ALERT =
  /^ERR_SSL_[\w/]*ALERT_(BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_REVOKED|CERTIFICATE_EXPIRED|CERTIFICATE_UNKNOWN|UNKNOWN_CA|ACCESS_DENIED|CERTIFICATE_REQUIRED)$/;
/** AWS says so with 403 where others say 401. A signature that is wrong, or a right that is missing, is neither. */
const STALE_AWS_KEY = /^(ExpiredToken|ExpiredTokenException|UnrecognizedClientException|InvalidClientTokenId)(:|$)/;

function isStaleAwsKey({ statusCode, headers }: Dispatcher.ResponseData): boolean {
  return statusCode === 403 && STALE_AWS_KEY.test(String(headers['x-amzn-errortype'] ?? ''));
}

function retryAfter(value: string | string[] | undefined): number | undefined {
  return typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : undefined;
}

/** The server's own words, sent back to it in a header. */
const isHeaderSafe = (id: string): boolean => /^[\x20-\x7E]{1,1024}$/.test(id);

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
