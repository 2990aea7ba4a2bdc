import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { IncomingMessage, RequestListener, Server, ServerOptions, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { addressOwner } from './address-owner.js';
import { ClientConnection } from './client-connection.js';
import { answerBare, drainRequest } from './drain-request.js';
import type { FairTurns, Urgency } from './fair-turns.js';
import { DEFAULT_LIMITS } from './listener-limits.js';
import type { ListenerCertificate } from './listener-certificate.js';
import type { ListenerLimits } from './listener-limits.js';
import type { ListenerWatch } from './listener-watch.js';
import { NOT_A_TARGET, problemBody } from './problem-body.js';
import { TrustedProxies } from './trusted-proxies.js';

/** The order in which requests begin when they arrive faster than the process can answer them. */
export interface RequestOrder {
  readonly turns: FairTurns;
  /**
   * The line a request waits in. Only its head is known, and nothing in it counts that was not proved before.
   * @param address the owner of the connection, or the client for whom a trusted proxy forwards
   */
  readonly placeOf: (
    request: Pick<IncomingMessage, 'method' | 'url' | 'headers'>,
    address: string,
  ) => { readonly line: string; readonly urgency: Urgency };
}

/** When the requests that had to wait arrived. */
const arrivals = new WeakMap<IncomingMessage, number>();

/** When a request arrived, by the clock of `performance.now()`. Its wait for its turn counts in what is measured. */
export const arrivalOf = (request: IncomingMessage): number => arrivals.get(request) ?? performance.now();

const MAX_NODE_CHECK_MS = 5_000;
/** Refused connections that may be told so at once. The server cuts any more without an answer. */
const MAX_REFUSALS_AT_ONCE = 64;
const RETRY_AFTER = { 'retry-after': '5' };

/**
 * Creates an HTTP server that no client can exhaust (security rule S33). It bounds connections, heads, pipelined
 * requests, the time and the rate at which a request arrives, and its patience with a slow reader, before `listener`
 * runs. An answer may last as long as it likes. A refused client gets a status wherever HTTP/1.1 leaves room for one.
 * @param certificate where TLS ends here (1.2 or newer, RFC 9325); plain HTTP without it
 */
export function createLimitedServer(
  listener: RequestListener,
  limits: Partial<ListenerLimits>,
  watch: ListenerWatch,
  {
    order,
    certificate,
  }: { readonly order?: RequestOrder | undefined; readonly certificate?: ListenerCertificate | undefined } = {},
): Server {
  return new LimitedServer(listener, { ...DEFAULT_LIMITS, ...limits }, watch, { order, certificate }).server;
}

class LimitedServer {
  readonly server: Server;
  readonly #listener: RequestListener;
  readonly #limits: ListenerLimits;
  readonly #watch: ListenerWatch;
  readonly #order: RequestOrder | undefined;
  readonly #proxies: TrustedProxies;
  readonly #connections = new Map<Socket, ClientConnection>();
  readonly #connectionsOf = new Map<string, number>();
  #open = 0;
  #refusalsUnderWay = 0;

  constructor(
    listener: RequestListener,
    limits: ListenerLimits,
    watch: ListenerWatch,
    { order, certificate }: { order: RequestOrder | undefined; certificate: ListenerCertificate | undefined },
  ) {
    this.#listener = listener;
    this.#limits = limits;
    this.#watch = watch;
    this.#order = order;
    this.#proxies = new TrustedProxies(limits.trustedProxies);
    const options = {
      maxHeaderSize: limits.maxHeaderBytes,
      connectionsCheckingInterval: Math.min(MAX_NODE_CHECK_MS, limits.checkEveryMs * 5),
      headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
    };
    const receive: RequestListener = (request, response) => this.#receive(request, response);
    this.server =
      certificate === undefined ? createServer(options, receive) : this.#overTls(options, certificate, receive);
    this.server.maxConnections = limits.maxConnections + MAX_REFUSALS_AT_ONCE;
    // In a worker of several (`node:cluster`): else the supervisor offers the connection to all of them without end.
    Object.assign(this.server, { dropMaxConnection: true });
    this.server.maxHeadersCount = limits.maxHeaders + 1; // Node drops any more; one too many is how we notice
    this.server.on('connection', (socket) => this.#accept(socket, certificate !== undefined));
    this.server.on('drop', () => watch.turnedAway('connections'));
    this.server.on('clientError', (error, socket) => this.#refuseUnparsed(error, socket as Socket));
    let checks: NodeJS.Timeout | undefined;
    this.server.on('listening', () => (checks ??= setInterval(() => this.#check(), limits.checkEveryMs).unref()));
    this.server.on('close', () => clearInterval(checks));
  }

  /** HTTP/1.1 alone: the limits are on what a connection of it may do. */
  #overTls(options: ServerOptions, certificate: ListenerCertificate, receive: RequestListener): Server {
    const settings = { minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] } as const;
    const handshakeTimeout = this.#limits.headersTimeoutMs;
    const server = createTlsServer({ ...options, ...settings, ...certificate.pair, handshakeTimeout }, receive);
    // Connections that are open go on with the certificate they began with.
    certificate.onChange((pair) => server.setSecureContext({ ...settings, ...pair }));
    server.on('secureConnection', (socket) => this.#keep(socket));
    server.on('tlsClientError', () => this.#watch.turnedAway('handshake'));
    return server;
  }

  /** @param isToBeSecured there is no HTTP on it before its TLS handshake */
  #accept(socket: Socket, isToBeSecured: boolean): void {
    const address = this.#ownerOf(socket);
    const held = address === undefined ? 0 : (this.#connectionsOf.get(address) ?? 0);
    const free = this.#limits.maxConnections - this.#open;
    const refuse = (status: 429 | 503, why: 'connections' | 'connections-of-one-address'): void => {
      if (!isToBeSecured) return this.#refuseConnection(socket, status, why);
      this.#watch.turnedAway(why);
      socket.destroy();
    };
    if (free <= 0) return refuse(503, 'connections');
    if (address !== undefined && held >= free) return refuse(429, 'connections-of-one-address');
    this.#open += 1;
    if (!isToBeSecured) this.#keep(socket);
    if (address !== undefined) this.#connectionsOf.set(address, held + 1);
    socket.once('close', () => {
      this.#open -= 1;
      if (address === undefined) return;
      const left = (this.#connectionsOf.get(address) ?? 1) - 1;
      if (left > 0) this.#connectionsOf.set(address, left);
      else this.#connectionsOf.delete(address);
    });
  }

  #keep(socket: Socket): void {
    this.#connections.set(socket, new ClientConnection(socket, this.#ownerOf(socket)));
    socket.once('close', () => this.#connections.delete(socket));
  }

  #refuseConnection(socket: Socket, status: 429 | 503, why: 'connections' | 'connections-of-one-address'): void {
    this.#watch.turnedAway(why);
    if (this.#refusalsUnderWay >= MAX_REFUSALS_AT_ONCE) return void socket.destroy();
    this.#refusalsUnderWay += 1;
    socket.once('close', () => (this.#refusalsUnderWay -= 1));
    answerBare(socket, status, { headers: RETRY_AFTER });
  }

  /** The owner of a connection; undefined for a trusted proxy, whose connections carry many clients. */
  #ownerOf({ remoteAddress }: Socket): string | undefined {
    return remoteAddress === undefined || this.#proxies.has(remoteAddress) ? undefined : addressOwner(remoteAddress);
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined) return; // its connection was refused already
    connection.receive(request, response);
    if (request.rawHeaders.length > 2 * this.#limits.maxHeaders) this.#refuse(request, response, 431, 'headers');
    else if (connection.unanswered > this.#limits.maxPipelined)
      this.#refuse(request, response, 429, 'pipelined-requests');
    else this.#begin(request, response, connection);
  }

  /** Begins the request at once, or when its turn comes if its client is still there by then. */
  #begin(request: IncomingMessage, response: ServerResponse, { address }: ClientConnection): void {
    const place = this.#order?.placeOf(request, address ?? this.#proxies.forwardedFor(request) ?? 'proxy');
    const turn = place && this.#order?.turns.take(place.line, place.urgency);
    if (turn === undefined) return this.#listener(request, response);
    arrivals.set(request, performance.now());
    void turn.then(() => (response.destroyed ? undefined : this.#listener(request, response)));
  }

  #refuse(
    request: IncomingMessage,
    response: ServerResponse,
    status: 429 | 431,
    why: 'headers' | 'pipelined-requests',
  ): void {
    this.#watch.turnedAway(why);
    const { type, body } = problemBody(status);
    response.writeHead(status, {
      'content-type': type,
      'content-length': body.length,
      connection: 'close',
      ...(status === 429 ? RETRY_AFTER : {}),
    });
    response.write(body);
    void drainRequest(request).then(() => response.end());
  }

  #refuseUnparsed({ code }: NodeJS.ErrnoException, socket: Socket): void {
    if (code === 'ECONNRESET' || socket.destroyed) return;
    const [status, why] =
      code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ([408, 'slow-request'] as const)
        : code === 'HPE_HEADER_OVERFLOW'
          ? ([431, 'headers'] as const)
          : ([400, 'unparsed'] as const);
    this.#watch.turnedAway(why);
    const detail = code === 'HPE_INVALID_URL' ? NOT_A_TARGET : undefined;
    const connection = this.#connections.get(socket);
    if (connection === undefined) answerBare(socket, status, { detail });
    else connection.refuse(status, detail);
  }

  #check(): void {
    const now = performance.now();
    for (const [socket, connection] of this.#connections) {
      if (connection.isSlowSender(now, this.#limits)) {
        this.#watch.turnedAway('slow-request');
        connection.refuse(408);
      } else if (connection.isSlowReader(now, this.#limits)) {
        this.#watch.turnedAway('slow-reader');
        socket.destroy();
      }
    }
    this.#watch.sweep();
  }
}
