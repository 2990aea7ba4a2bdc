import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { BlockList, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { addressOwner } from './address-owner.js';
import { answerBare, drainRequest } from './drain-request.js';
import type { ListenerWatch } from './listener-watch.js';
import { NOT_A_TARGET, problemBody } from './problem.js';

/** What one listener takes. Times in milliseconds. */
export interface ListenerLimits {
  /** Open connections altogether. One address, unless it is a listed proxy, may hold as many as are free: half when alone. */
  readonly maxConnections: number;
  readonly trustedProxies: readonly string[];
  /** From the first byte of a request to the last. */
  readonly requestTimeoutMs: number;
  /** From the first byte of a request, or from connecting, to the last of its head. */
  readonly headersTimeoutMs: number;
  /** How long a connection may wait for its next request. */
  readonly keepAliveTimeoutMs: number;
  /** In every `rateWindowMs` of a body that is on its way there must come this much. */
  readonly leastBytesPerSecond: number;
  readonly rateWindowMs: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  /** Requests of one connection that are not answered yet. */
  readonly maxPipelined: number;
  /** A client that takes nothing of what waits for it for this long is gone. */
  readonly slowReaderMs: number;
  /** How often times and rates are looked at. */
  readonly checkEveryMs: number;
}

export const DEFAULT_LIMITS: ListenerLimits = {
  maxConnections: 10_000,
  trustedProxies: [],
  requestTimeoutMs: 30_000,
  headersTimeoutMs: 10_000,
  keepAliveTimeoutMs: 75_000,
  leastBytesPerSecond: 1_024,
  rateWindowMs: 10_000,
  maxHeaderBytes: 16_384,
  maxHeaders: 100,
  maxPipelined: 16,
  slowReaderMs: 120_000,
  checkEveryMs: 1_000,
};

/** The time the largest body may take on a bad line: what a listener's `requestTimeoutMs` is made of. */
export const requestTimeoutFor = (maxBodyBytes: number): number =>
  Math.max(DEFAULT_LIMITS.requestTimeoutMs, Math.ceil(maxBodyBytes / 4_096) * 1_000);

const CONNECTIONS_CHECKED_MS = 5_000;
/** Connections beyond the limit that are told so; more are cut without a word. */
const TOLD = 64;
const RETRY_AFTER = { 'retry-after': '5' };

interface Connection {
  readonly address: string | undefined;
  /** The latest, until all of it is here. */
  request: IncomingMessage | undefined;
  response: ServerResponse | undefined;
  /** Requests without a complete answer. */
  open: number;
  /** Since when the rate is measured, and how much had come by then. */
  since: number;
  received: number;
  /** Bytes the client had taken, and since when it has taken no more. */
  taken: number;
  takenAt: number;
}

/**
 * An HTTP server that nobody can hold (security rule S33): connections, heads, waiting requests, the time and the least
 * rate of a request and the patience with a slow reader are bounded, before anything of ours runs. Answers may last as
 * long as they like. Whoever is refused is told, where the protocol leaves room for it.
 */
export function createLimitedServer(
  listener: RequestListener,
  wanted: Partial<ListenerLimits>,
  watch: ListenerWatch,
): Server {
  const limits: ListenerLimits = { ...DEFAULT_LIMITS, ...wanted };
  const proxies = blockListOf(limits.trustedProxies);
  const connections = new Map<Socket, Connection>();
  const byAddress = new Map<string, number>();
  let told = 0;

  const server = createServer(
    {
      maxHeaderSize: limits.maxHeaderBytes,
      connectionsCheckingInterval: Math.min(CONNECTIONS_CHECKED_MS, limits.checkEveryMs * 5),
      headersTimeout: Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs),
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
    },
    handle,
  );
  server.maxConnections = limits.maxConnections + TOLD;
  server.maxHeadersCount = limits.maxHeaders + 1; // those beyond are dropped by Node; one too many is how we know
  server.on('connection', accept);
  server.on('drop', () => watch.turnedAway('connections'));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return;
    const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
    watch.turnedAway(isLate ? 'slow-request' : error.code === 'HPE_HEADER_OVERFLOW' ? 'headers' : 'unparsed');
    refuseOnSocket(
      socket,
      isLate ? 408 : error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400,
      error.code === 'HPE_INVALID_URL' ? NOT_A_TARGET : undefined,
    );
  });
  const checks = setInterval(check, limits.checkEveryMs).unref();
  server.on('close', () => clearInterval(checks));
  return server;

  function accept(socket: Socket): void {
    const address = ownerOf(socket);
    const free = limits.maxConnections - connections.size;
    const isShareTaken = address !== undefined && (byAddress.get(address) ?? 0) >= free;
    if (free <= 0 || isShareTaken) return turnAway(socket, free <= 0);
    connections.set(socket, {
      address,
      request: undefined,
      response: undefined,
      open: 0,
      since: 0,
      received: 0,
      taken: 0,
      takenAt: performance.now(),
    });
    if (address !== undefined) byAddress.set(address, (byAddress.get(address) ?? 0) + 1);
    socket.once('close', () => {
      connections.delete(socket);
      if (address === undefined) return;
      const left = (byAddress.get(address) ?? 1) - 1;
      if (left > 0) byAddress.set(address, left);
      else byAddress.delete(address);
    });
  }

  function turnAway(socket: Socket, isFull: boolean): void {
    watch.turnedAway(isFull ? 'connections' : 'connections-of-one-address');
    if (told >= TOLD) return void socket.destroy();
    told += 1;
    socket.once('close', () => (told -= 1));
    answerBare(socket, isFull ? 503 : 429, { headers: RETRY_AFTER });
  }

  /** All connections of a listed proxy are other people's. */
  function ownerOf({ remoteAddress }: Socket): string | undefined {
    return remoteAddress === undefined || isIn(proxies, remoteAddress) ? undefined : addressOwner(remoteAddress);
  }

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const connection = connections.get(request.socket);
    if (connection === undefined) return; // turned away, and told so
    connection.open += 1;
    connection.request = request;
    connection.response = response;
    connection.since = performance.now();
    connection.received = request.socket.bytesRead;
    response.once('close', () => {
      connection.open -= 1;
      if (connection.response === response) connection.response = undefined;
    });
    if (request.rawHeaders.length > 2 * limits.maxHeaders) refuseRequest(request, response, 431, 'headers');
    else if (connection.open > limits.maxPipelined) refuseRequest(request, response, 429, 'pipelined-requests');
    else listener(request, response);
  }

  function refuseRequest(
    request: IncomingMessage,
    response: ServerResponse,
    status: number,
    why: 'headers' | 'pipelined-requests',
  ): void {
    watch.turnedAway(why);
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

  function check(): void {
    const now = performance.now();
    for (const [socket, connection] of connections) {
      if (isTooSlow(socket, connection, now)) {
        watch.turnedAway('slow-request');
        refuseOnSocket(socket, 408);
      } else if (takesNothing(socket, connection, now)) {
        watch.turnedAway('slow-reader');
        socket.destroy();
      }
    }
    watch.sweep();
  }

  function isTooSlow(socket: Socket, connection: Connection, now: number): boolean {
    const { request } = connection;
    if (request === undefined) return false;
    if (request.complete || request.destroyed) {
      connection.request = undefined;
      return false;
    }
    const elapsed = now - connection.since;
    // What lies here unread is ours to take: the client could not send more.
    const isOurs = request.readableLength >= request.readableHighWaterMark;
    if (elapsed < limits.rateWindowMs && !isOurs) return false;
    const came = socket.bytesRead - connection.received;
    connection.since = now;
    connection.received = socket.bytesRead;
    return !isOurs && came < (elapsed / 1_000) * limits.leastBytesPerSecond;
  }

  function takesNothing(socket: Socket, connection: Connection, now: number): boolean {
    const taken = socket.bytesWritten - socket.writableLength;
    if (socket.writableLength === 0 || taken !== connection.taken) {
      connection.taken = taken;
      connection.takenAt = now;
    }
    return now - connection.takenAt > limits.slowReaderMs;
  }

  /** In the place of the answer to the request that is on its way; where another answer is due first, the connection ends. */
  function refuseOnSocket(socket: Socket, status: number, detail?: string): void {
    const connection = connections.get(socket);
    if (connection === undefined || mayAnswer(connection)) answerBare(socket, status, { detail });
    else socket.destroy();
  }
}

function mayAnswer({ open, request, response }: Connection): boolean {
  const isWhole = request === undefined || request.complete;
  return open === 0 ? isWhole : open === 1 && !isWhole && response !== undefined && !response.headersSent;
}

function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/', 2);
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (isIP(address) === 0) continue; // a name such as `loopback`: Fastify's own
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

const isIn = (list: BlockList, address: string): boolean => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
