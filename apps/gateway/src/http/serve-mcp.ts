import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { arrivalOf } from '@sallyport/http';
import type { Clock } from '@sallyport/kernel';
import type { Logger } from '@sallyport/telemetry';
import type { AskedAddress } from '../protocol/asked-address.js';
import { ExchangeBytes, InboundHeaders } from '../protocol/exchange.js';
import type { HandledExchange, InboundRequest } from '../protocol/exchange.js';
import { keptOf } from './read-bodies.js';
import { Arrival, endExchange } from './exchange-end.js';

export interface McpEndpoint {
  /** Does not reject: what breaks on the way is an answer as well. */
  readonly handle: (inbound: InboundRequest) => Promise<HandledExchange>;
  /** Of a host and a request target. */
  readonly askedAddress: (host: string, url: string | undefined) => AskedAddress;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Serves `/mcp`, and `/mcp/<server>` for one server alone, on the raw exchange and before any body parser: the request
 * path authenticates before it reads the body, and every answer is recorded before its last byte leaves (R74).
 */
export function serveMcp(fastify: FastifyInstance, endpoint: McpEndpoint): void {
  for (const url of ['/mcp', '/mcp/:server']) {
    fastify.route({
      method: ['GET', 'POST', 'DELETE', 'PUT', 'PATCH'],
      url,
      onRequest: (request, reply) => {
        reply.hijack();
        void serve(endpoint, request, reply);
      },
      handler: () => undefined,
    });
  }
}

async function serve(endpoint: McpEndpoint, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { clock, logger } = endpoint;
  const kept = keptOf(request.raw);
  const arrival = kept?.arrival ?? new Arrival(clock, arrivalOf(request.raw), request.ip);
  const gone = new AbortController();
  const bytes = new ExchangeBytes();
  const over: (() => void)[] = [() => bytes.release()];
  let isClosed = false;
  reply.raw.once('close', () => {
    isClosed = true;
    if (!reply.raw.writableFinished) gone.abort();
    for (const listener of over) listener();
  });
  if (reply.raw.closed) gone.abort();
  reply.raw.on('error', (error) => logger.debug({ err: error }, 'answer could not be written'));

  const handled = await endpoint.handle({
    method: request.method,
    target: targetOf(request),
    asked: endpoint.askedAddress(request.host, request.raw.url),
    headers: new InboundHeaders(request.raw.rawHeaders),
    sourceIp: request.ip,
    body: kept?.body ?? request.raw.iterator({ destroyOnReturn: false }),
    disconnected: gone.signal,
    bytes,
    onOver: (listener) => void (isClosed ? listener() : over.push(listener)),
  });
  await endExchange(handled, reply.raw, arrival, { bytes, isGone: () => gone.signal.aborted });
}

/** Any text is a name here: whether there is such a server is for the request path to say, once the caller is known. */
function targetOf({ params }: FastifyRequest): string | undefined {
  return typeof params === 'object' && params !== null && 'server' in params && typeof params.server === 'string'
    ? params.server
    : undefined;
}
