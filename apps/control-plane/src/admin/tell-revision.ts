import type { FastifyInstance } from 'fastify';
import { findActor } from './actor.js';

/** Which revision of the configuration an answer was given at. */
export const REVISION_HEADER = 'sallyport-revision';

/**
 * Answers whoever has a permission with the newest revision this process knows. A route that wrote a newer one, and
 * says so itself, is left alone. Nobody else learns how often the configuration changes.
 */
export function tellRevision(server: FastifyInstance, newest: () => number | undefined): void {
  server.addHook('onSend', async (request, reply, payload) => {
    if (findActor(request) !== undefined && !reply.hasHeader(REVISION_HEADER)) {
      const revision = newest();
      if (revision !== undefined) void reply.header(REVISION_HEADER, String(revision));
    }
    return payload;
  });
}
