import type { ConfigurationReplica } from '@sallyport/configuration';
import { sendPage, unavailable } from '@sallyport/pages';
import type { FastifyInstance } from 'fastify';
import { isPage } from './pages/unavailable-page.js';

/** Public keys are in the database, not in the configuration, and gateways verify with them whatever happens here. */
const NEEDS_NO_CONFIGURATION = '/jwks';
const RETRY_AFTER_SECONDS = 5;

/**
 * Without a configuration, or with one past the staleness bound, there is nobody to sign in and nothing to issue: every
 * request, discovery too, is asked to come back (503, RFC 9110 section 10.2.3), so that nobody remembers half a truth.
 */
export function refuseUntilConfigured(
  fastify: FastifyInstance,
  configuration: Pick<ConfigurationReplica, 'state'>,
): void {
  fastify.addHook('onRequest', async (request, reply) => {
    const path = (request.raw.url ?? '').split('?', 1)[0] ?? '';
    const { ready, stale } = configuration.state();
    if ((ready && !stale) || path === NEEDS_NO_CONFIGURATION) return;
    reply.header('retry-after', String(RETRY_AFTER_SECONDS));
    if (isPage(path)) sendPage(reply, unavailable);
    else
      reply.status(503).header('cache-control', 'no-store').send({
        error: 'temporarily_unavailable',
        error_description: 'the configuration has not arrived yet; try again in a moment',
      });
    await reply;
  });
}
