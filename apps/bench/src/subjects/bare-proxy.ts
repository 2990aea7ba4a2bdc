import Fastify, { type FastifyInstance } from 'fastify';
import { Pool } from 'undici';

/**
 * What the product is measured against: the framework and the HTTP client that it uses, forwarding without a thought.
 * Path, body and the headers of MCP go through as they come, and so does the answer.
 */
export function createBareProxy(upstream: string): FastifyInstance {
  const pool = new Pool(new URL(upstream).origin, { connections: 64, pipelining: 1 });
  const app = Fastify({ keepAliveTimeout: 60_000 });
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.post('/*', async (request, reply) => {
    const { host: _host, connection: _connection, ...headers } = request.headers;
    const answer = await pool.request({ method: 'POST', path: request.url, headers, body: request.body as Buffer });
    const session = answer.headers['mcp-session-id'];
    if (session !== undefined) void reply.header('mcp-session-id', session);
    return reply.code(answer.statusCode).header('content-type', answer.headers['content-type']).send(answer.body);
  });
  app.addHook('onClose', () => pool.close());
  return app;
}
