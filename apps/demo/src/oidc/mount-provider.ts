import type { FastifyInstance } from 'fastify';
import type Provider from 'oidc-provider';

/**
 * Hands the requests that `owns` accepts to the OAuth engine, before Fastify reads a body: the engine reads its own.
 * `rewrite` maps a path as the world sees it to the one the engine has a route for.
 */
export function mountProvider(
  app: FastifyInstance,
  provider: Provider,
  options: { owns: (path: string) => boolean; rewrite?: (path: string) => string },
): void {
  const handle = provider.callback();
  app.addHook('onRequest', (request, reply, done) => {
    const url = request.raw.url ?? '/';
    const end = url.search(/[?#]/);
    const path = end === -1 ? url : url.slice(0, end);
    if (reply.sent || !options.owns(path)) return done();
    reply.hijack();
    if (options.rewrite) request.raw.url = options.rewrite(path) + url.slice(path.length);
    void handle(request.raw, reply.raw);
  });
}
