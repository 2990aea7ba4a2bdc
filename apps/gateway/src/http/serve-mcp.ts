import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '@sallyport/kernel';
import { ExchangeBytes, InboundHeaders, jsonAnswer } from './exchange.js';
import type { Answer, CallFacts, ExchangeFacts, InboundRequest } from './exchange.js';
import { recordCalls } from './record-calls.js';
import type { CallRecorder } from './record-calls.js';
import { writeAnswer } from './write-answer.js';
import type { Withheld } from './withhold.js';

export interface McpEndpoint extends CallRecorder {
  readonly handle: (inbound: InboundRequest, facts: ExchangeFacts) => Promise<Answer>;
  readonly clock: Clock;
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
  const { clock, logger } = endpoint;
  const receivedAt = clock();
  const startedAt = performance.now();
  const facts: ExchangeFacts = {};
  const gone = new AbortController();
  const bytes = new ExchangeBytes();
  const over: (() => void)[] = [() => bytes.release()];
  let isClosed = false;
  reply.raw.once('close', () => {
    isClosed = true;
    if (!reply.raw.writableFinished) gone.abort();
    for (const listener of over) listener();
  });
  reply.raw.on('error', (error) => logger.debug({ err: error }, 'answer could not be written'));

  const noteFailure = (err: unknown) => {
    if (!gone.signal.aborted) logger.error({ err }, 'call failed');
    for (const call of callsIn(facts)) {
      call.decision ??= 'invalid';
      call.reason ??= gone.signal.aborted ? 'client_gone' : 'internal_error';
    }
  };
  let answer: Answer;
  try {
    answer = await endpoint.handle(
      {
        method: request.method,
        target: targetOf(request),
        headers: new InboundHeaders(request.raw.rawHeaders),
        sourceIp: request.ip,
        body: request.raw.iterator({ destroyOnReturn: false }),
        disconnected: gone.signal,
        bytes,
        onOver: (listener) => void (isClosed ? listener() : over.push(listener)),
      },
      facts,
    );
  } catch (error) {
    noteFailure(error);
    const message = callsIn(facts).some(({ room }) => room !== undefined)
      ? 'Internal error. Whether this was carried out is not known.'
      : 'Internal error.';
    answer = jsonAnswer(500, { jsonrpc: '2.0', id: null, error: { code: -32603, message } });
  }

  let recorded: Promise<Withheld> | undefined;
  const record = () =>
    (recorded ??= recordCalls(endpoint, callsIn(facts), {
      receivedAt,
      durationMs: millisecondsSince(startedAt),
      httpStatus: answer.status,
      sourceIp: request.ip,
    }));
  try {
    if (!gone.signal.aborted && (await writeAnswer(answer, reply.raw, record, { bytes }))) return;
  } catch (error) {
    noteFailure(error); // a stream that breaks breaks nothing else: nobody waits for this function
  }
  for (const call of callsIn(facts)) call.reason ??= 'client_gone';
  await record();
  reply.raw.destroy();
}

/** A batch is recorded as its elements, everything else as itself. */
const callsIn = (facts: ExchangeFacts): readonly CallFacts[] => facts.elements ?? [facts];

const millisecondsSince = (startedAt: number): number => Math.round((performance.now() - startedAt) * 1000) / 1000;

/** Any text is a name here: whether there is such a server is for the request path to say, once the caller is known. */
function targetOf({ params }: FastifyRequest): string | undefined {
  return typeof params === 'object' && params !== null && 'server' in params && typeof params.server === 'string'
    ? params.server
    : undefined;
}
