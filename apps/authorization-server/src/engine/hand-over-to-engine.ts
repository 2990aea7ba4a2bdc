import { addressOwner, DEFAULT_BODY_BYTES, type BytesInFlight, type Unavailable } from '@sallyport/http';
import type { Logger } from '@sallyport/telemetry';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AuthorizationEngine } from './engine.js';
import { answerBodyRefused, receiveBody } from './receive-body.js';

/**
 * Gives the engine its requests before Fastify reads a body: the engine reads bodies itself. The host guard has run by
 * then (S19).
 */
export function handOverToEngine(
  fastify: FastifyInstance,
  engine: AuthorizationEngine,
  bytes: BytesInFlight,
  { logger, unavailable }: { logger: Logger; unavailable: Unavailable },
): void {
  const handle = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const held = bytes.open(addressOwner(request.ip));
    reply.raw.once('close', held.release);
    const received = await receiveBody(request.raw, DEFAULT_BODY_BYTES, held);
    if (typeof received === 'string') answerBodyRefused(received, request.raw, reply.raw);
    else await engine.handle(received, reply.raw, request.ip);
  };
  fastify.addHook('onRequest', (request, reply, done) => {
    const path = (request.raw.url ?? '').split('?', 1)[0] ?? '';
    if (!engine.owns(path)) return done();
    reply.hijack();
    handle(request, reply).catch((err: unknown) => {
      if (request.raw.destroyed && !request.raw.complete) return; // whoever sent it is gone, or was told already
      if (unavailable.is(err)) {
        unavailable.write(reply.raw, err, path);
        return;
      }
      logger.error({ err }, 'the OAuth engine failed');
      if (!reply.raw.headersSent) reply.raw.writeHead(500, { 'content-type': 'application/json' });
      reply.raw.end();
    });
  });
}
