import type { ConfigurationReplica } from '@sallyport/configuration';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { messagePage } from './pages/message-pages.js';

/** Public keys are in the database, not in the configuration, and gateways verify with them whatever happens here. */
const NEEDS_NO_CONFIGURATION = '/jwks';
/** Where a browser is, and a person reads the answer. */
const PAGES = /^\/(?:authorize|interaction|federation)\b/;
const RETRY_AFTER_SECONDS = 5;

/**
 * Without a configuration, or with one past the staleness bound, there is nobody to sign in and nothing to issue: every
 * request, discovery too, is asked to come back (503, RFC 9110 section 10.2.3), so that nobody remembers half a truth.
 */
export function refuseUntilConfigured(fastify: FastifyInstance, configuration: Pick<ConfigurationReplica, 'state'>): void {
  fastify.addHook('onRequest', async (request, reply) => {
    const path = (request.raw.url ?? '').split('?', 1)[0] ?? '';
    const { ready, stale } = configuration.state();
    if ((ready && !stale) || path === NEEDS_NO_CONFIGURATION) return;
    reply.status(503).header('retry-after', String(RETRY_AFTER_SECONDS)).header('cache-control', 'no-store');
    await (PAGES.test(path) ? sendPage(reply) : reply.header('content-type', 'application/json; charset=utf-8').send({ error: 'temporarily_unavailable', error_description: 'the configuration has not arrived yet; try again in a moment' }));
  });
}

function sendPage(reply: FastifyReply): FastifyReply {
  const { html, contentSecurityPolicy } = messagePage('One moment, please', 'This server is starting, or waits for its configuration. Try again in a moment; nothing is lost.');
  return reply.header('content-type', 'text/html; charset=utf-8').header('content-security-policy', contentSecurityPolicy).send(html);
}
