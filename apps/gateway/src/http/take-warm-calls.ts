import type { VerifiedToken } from '@sallyport/access-token';
import { arrivalOf } from '@sallyport/http';
import type { BytesInFlight, GuardedArrival, HeldBytes } from '@sallyport/http';
import type { Clock } from '@sallyport/kernel';
import type { Logger } from '@sallyport/telemetry';
import type { ExchangeNotes } from '../call/call-notes.js';
import type { Places } from '../call/places.js';
import type { AskedAddress } from '../protocol/asked-address.js';
import { tokenIn } from '../protocol/authorization-header.js';
import { ExchangeBytes, InboundHeaders } from '../protocol/exchange.js';
import type { HandledExchange } from '../protocol/exchange.js';
import { ReadRequest } from '../protocol/read-request.js';
import { Stop } from '../protocol/stop.js';
import type { ArrivedMessage, WarmCallListener } from '../request-path/begin-warm-call.js';
import { messageIn } from '../request-path/read-message.js';
import { recordOne } from '../request-path/record-call.js';
import type { CallRecorder } from '../request-path/record-call.js';
import { Arrival, endExchange } from './exchange-end.js';
import { keepRequest } from './read-bodies.js';
import { writeText } from './write-answer.js';

export interface WarmEndpoint {
  /** Begins a call that can be begun at once; see `beginWarmCall`. */
  readonly begin: (arrived: ArrivedMessage, listener: WarmCallListener) => boolean;
  /** Of a token that was verified before and is still good. */
  readonly recall: (token: string) => VerifiedToken | undefined;
  /** Of a host and a request target. */
  readonly askedAddress: (host: string, url: string | undefined) => AskedAddress;
  readonly arriving: Places;
  readonly bytes: BytesInFlight;
  readonly recorder: CallRecorder;
  /** The security headers of every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Told of each call that was begun, when its answer is there; must not throw. */
  readonly observe?: ((end: 'answered' | 'followed') => void) | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A larger body takes turns with others before it is parsed. */
const MOST_BYTES = 64 * 1024;
const ADDRESS = /^\/mcp(?:\/([a-z0-9][a-z0-9-]*))?$/;
const BEARER = /^Bearer /i;
/** For operators: the call itself is answered and recorded on the long way. */
const BROKE = 'the short-cut broke; the call goes the long way';

/**
 * Takes calls of callers who are known before any route, reads them, and begins those that can be begun at once. All
 * others go to the routes, with what was read of them.
 */
export function takeWarmCalls(endpoint: WarmEndpoint): (arrival: GuardedArrival) => boolean {
  return (arrival) => {
    try {
      return take(endpoint, arrival);
    } catch (err) {
      endpoint.logger.error({ err }, BROKE);
      return false;
    }
  };
}

function take(endpoint: WarmEndpoint, arrival: GuardedArrival): boolean {
  const { request, ip } = arrival;
  const { headers, method, url } = request;
  const address = method === 'POST' && url !== undefined ? ADDRESS.exec(url) : null;
  if (address === null || ip === undefined || headers['content-type'] !== 'application/json') return false;
  if (headers['content-encoding'] !== undefined || !BEARER.test(headers.authorization ?? '')) return false;
  const length = Number(headers['content-length'] ?? 0);
  const token = tokenIn(headers.authorization ?? '');
  const known = token !== undefined && length > 0 && length < MOST_BYTES ? endpoint.recall(token) : undefined;
  if (token === undefined || known === undefined) return false;
  const { userId } = known.caller;
  const leave = endpoint.arriving.enter(userId);
  const held = leave && endpoint.bytes.open(userId);
  if (leave === undefined || held === undefined || held.take(length) !== undefined) {
    leave?.();
    return false;
  }
  new WarmExchange(endpoint, arrival, ip, address[1], { ...known, token }, held, leave).read();
  return true;
}

type Caller = ArrivedMessage['authenticated'];

/** One request that was taken. */
class WarmExchange implements WarmCallListener {
  readonly #endpoint: WarmEndpoint;
  readonly #arrived: GuardedArrival;
  readonly #arrival: Arrival;
  readonly #target: string | undefined;
  readonly #caller: Caller;
  readonly #bytes = new ExchangeBytes();
  readonly #held: HeldBytes;
  readonly #leave: () => void;
  readonly #gone = new Stop();
  #over: (() => void)[] | undefined = [];
  #body: Buffer | undefined;
  #wasRead = false;

  constructor(
    endpoint: WarmEndpoint,
    arrived: GuardedArrival,
    ip: string,
    target: string | undefined,
    caller: Caller,
    held: HeldBytes,
    leave: () => void,
  ) {
    this.#endpoint = endpoint;
    this.#arrived = arrived;
    this.#arrival = new Arrival(endpoint.clock, arrivalOf(arrived.request), ip);
    this.#target = target;
    this.#caller = caller;
    this.#held = held;
    this.#leave = leave;
  }

  read(): void {
    const { request } = this.#arrived;
    request.on('data', (chunk: Buffer) => {
      this.#body = this.#body === undefined ? chunk : Buffer.concat([this.#body, chunk]);
    });
    request.on('close', this.#isRead);
    request.on('end', this.#isRead);
  }

  /** The body is there, or its client is not. */
  readonly #isRead = (): void => {
    if (this.#wasRead) return;
    this.#wasRead = true;
    const { request, next } = this.#arrived;
    if (request.complete && this.#isBegun()) return;
    this.#leave();
    this.#held.release();
    keepRequest(request, this.#body ?? NOTHING, this.#arrival);
    next();
  };

  #isBegun(): boolean {
    try {
      return this.#begin();
    } catch (err) {
      this.#endpoint.logger.error({ err }, BROKE);
      return false;
    }
  }

  #begin(): boolean {
    const source = messageIn(this.#body ?? NOTHING);
    if (source === undefined) return false;
    const { request, response } = this.#arrived;
    const headers = new InboundHeaders(request.rawHeaders);
    if (headers.firstRepeated() !== undefined) return false;
    const inbound = new ReadRequest(
      {
        target: this.#target,
        headers,
        sourceIp: this.#arrival.sourceIp,
        bytes: this.#bytes,
        onOver: (listener) => void (this.#over === undefined ? listener() : this.#over.push(listener)),
        askedAddress: () => this.#endpoint.askedAddress(this.#arrived.host, request.url),
      },
      this.#gone,
    );
    this.#bytes.countIn(this.#held);
    if (!this.#endpoint.begin({ inbound, authenticated: this.#caller, source }, this)) return false;
    this.#leave();
    response.once('close', () => this.#close());
    response.on('error', (error) => this.#endpoint.logger.debug({ err: error }, 'answer could not be written'));
    return true;
  }

  #close(): void {
    if (!this.#arrived.response.writableFinished) this.#gone.stop();
    this.#bytes.release();
    const listeners = this.#over ?? [];
    this.#over = undefined;
    for (const listener of listeners) listener();
  }

  answered(text: string, notes: ExchangeNotes): void {
    const { response } = this.#arrived;
    this.#endpoint.observe?.('answered');
    const size = Buffer.byteLength(text);
    recordOne(this.#endpoint.recorder, notes.facts, this.#arrival.endedWith(200, size), (withheld) => {
      if (!response.destroyed)
        writeText(response, { text, size, withheld, headers: this.#endpoint.headers, bytes: this.#bytes });
    });
  }

  followed(handled: Promise<HandledExchange>): void {
    const { response } = this.#arrived;
    this.#endpoint.observe?.('followed');
    for (const [name, value] of Object.entries(this.#endpoint.headers)) response.setHeader(name, value);
    void handled.then((exchange) =>
      endExchange(exchange, response, this.#arrival, { bytes: this.#bytes, isGone: () => this.#gone.isStopped }),
    );
  }
}

const NOTHING = Buffer.alloc(0);
