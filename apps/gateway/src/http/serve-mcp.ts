import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { newId } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import { CallRecord } from '@sallyport/messages';
import type { Logger } from '@sallyport/telemetry';
import { errorCodes } from '../request-path/refusal.js';
import { InboundHeaders, jsonAnswer } from './exchange.js';
import type { Answer, CallFacts, ExchangeFacts, InboundRequest } from './exchange.js';
import { writeAnswer } from './write-answer.js';

export interface McpEndpoint {
  readonly handle: (inbound: InboundRequest, facts: ExchangeFacts) => Promise<Answer>;
  /** Resolves when the record is safe on this host. */
  readonly append: (record: CallRecord) => Promise<void>;
  readonly replica: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told after each answer; must not throw. */
  readonly observe?: (record: CallRecord) => void;
}

/**
 * `/mcp`, and `/mcp/<server>` for one server alone, on the raw exchange, before any body parser: authentication comes first, the body is read by the request path,
 * and every answer is recorded before its last byte leaves (R74).
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
  const { clock, replica, logger } = endpoint;
  const receivedAt = clock();
  const startedAt = performance.now();
  const facts: ExchangeFacts = {};
  const gone = new AbortController();
  const over: (() => void)[] = [];
  let isClosed = false;
  reply.raw.once('close', () => {
    isClosed = true;
    if (!reply.raw.writableFinished) gone.abort();
    for (const listener of over) listener();
  });
  reply.raw.on('error', (error) => logger.debug({ err: error }, 'answer could not be written'));

  let answer: Answer;
  try {
    answer = await endpoint.handle({ method: request.method, target: targetOf(request), headers: new InboundHeaders(request.raw.rawHeaders), sourceIp: request.ip, body: request.raw.iterator({ destroyOnReturn: false }), disconnected: gone.signal, onOver: (listener) => void (isClosed ? listener() : over.push(listener)) }, facts);
  } catch (error) {
    if (!gone.signal.aborted) logger.error({ err: error }, 'call failed');
    for (const call of callsIn(facts)) {
      call.decision ??= 'invalid';
      call.reason ??= gone.signal.aborted ? 'client_gone' : 'internal_error';
    }
    answer = jsonAnswer(500, { jsonrpc: '2.0', id: null, error: { code: -32603, message: 'Internal error.' } });
  }

  let recorded: Promise<void> | undefined;
  const record = (): Promise<void> => (recorded ??= appendRecord());
  const appendRecord = async () => {
    const durationMs = Math.round((performance.now() - startedAt) * 1000) / 1000;
    for (const { decision = 'invalid', ...known } of callsIn(facts)) {
      const entry: CallRecord = { v: 1, type: 'mcp.call', id: newId('evt', receivedAt), replica, receivedAt, durationMs, ...defined(known), decision, httpStatus: answer.status };
      try {
        await endpoint.append(entry);
      } finally {
        endpoint.observe?.(entry);
      }
    }
  };
  try {
    if (!gone.signal.aborted && (await writeAnswer(answer, reply.raw, record))) return;
    for (const call of callsIn(facts)) call.reason ??= 'client_gone';
    await record();
    reply.raw.destroy();
  } catch (error) {
    // What cannot be recorded is not answered (R74).
    logger.error({ err: error }, 'call could not be recorded');
    if (reply.raw.headersSent) reply.raw.destroy();
    else reply.raw.writeHead(503, { 'content-type': 'application/json', 'retry-after': '2' }).end(JSON.stringify({ jsonrpc: '2.0', id: null, error: { code: errorCodes.notReady, message: 'The gateway is not ready. Try again shortly.' } }));
  }
}

/** A batch is recorded as its elements, everything else as itself. */
const callsIn = (facts: ExchangeFacts): readonly CallFacts[] => facts.elements ?? [facts];

/** Any text is a name here: whether there is such a server is for the request path to say, once the caller is known. */
function targetOf({ params }: FastifyRequest): string | undefined {
  return typeof params === 'object' && params !== null && 'server' in params && typeof params.server === 'string' ? params.server : undefined;
}

function defined(facts: Omit<CallFacts, 'decision'>): Partial<Omit<CallRecord, 'decision'>> {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}
