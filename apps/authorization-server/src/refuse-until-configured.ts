import type { ConfigurationReplica } from '@sallyport/configuration';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Page } from './pages/page.js';
import { unavailablePage } from './pages/unavailable-page.js';

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
    reply.status(503).header('retry-after', String(RETRY_AFTER_SECONDS)).header('cache-control', 'no-store');
    const page = unavailablePage(path);
    await (page
      ? sendPage(reply, page)
      : reply
          .header('content-type', 'application/json; charset=utf-8')
          .send({
            error: 'temporarily_unavailable',
            error_description: 'the configuration has not arrived yet; try again in a moment',
          }));
  });
}

function sendPage(reply: FastifyReply, { html, contentSecurityPolicy }: Page): FastifyReply {
  return reply
    .header('content-type', 'text/html; charset=utf-8')
    .header('content-security-policy', contentSecurityPolicy)
    .send(html);
}
