import Fastify, { type FastifyInstance } from 'fastify';
import { Pool } from 'undici';

/** What the gateway is measured against: the same framework and HTTP client, forwarding without a thought. */
export function createBareProxy(upstream: string): FastifyInstance {
  const { origin, pathname } = new URL(upstream);
  const pool = new Pool(origin, { connections: 64, pipelining: 1 });
  const app = Fastify();
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.post('/mcp', async (request, reply) => {
    const { host: _host, connection: _connection, ...headers } = request.headers;
    const answer = await pool.request({ method: 'POST', path: pathname, headers, body: request.body as Buffer });
    return reply.code(answer.statusCode).header('content-type', answer.headers['content-type']).send(answer.body);
  });
  app.addHook('onClose', () => pool.close());
  return app;
}
