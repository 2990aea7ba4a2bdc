import type { FastifyInstance } from 'fastify';
import { SallyportError } from '@sallyport/kernel';
import { createMcpHandler, type AuthInfo, type McpServer } from '@modelcontextprotocol/server';

/**
 * The identity of a request's token, or why there is none. `error` is that of RFC 6750 section 3.1: absent when the
 * request had no token, `unavailable` when the token could not be checked.
 */
export type Authentication<Identity> =
  | { ok: true; identity: Identity }
  | { ok: false; error?: 'invalid_token' }
  | { ok: false; error: 'unavailable' };

export interface McpEndpoint<Identity> {
  /** The origin, without a trailing slash. The endpoint is `<url>/mcp`, which is also its resource (RFC 8707). */
  url: string;
  authorizationServer: string;
  scopes: readonly string[];
  authenticate(token: string | undefined): Promise<Authentication<Identity>>;
  createServer(identity: Identity): McpServer;
}

/**
 * Serves `/mcp` for both eras of the protocol, without sessions, behind a bearer token. Its protected resource metadata
 * (RFC 9728) is at the path and at the root.
 * @returns a function that ends open streams
 */
export function serveMcp<Identity>(app: FastifyInstance, endpoint: McpEndpoint<Identity>): () => Promise<void> {
  const { url } = endpoint;
  const metadata = {
    resource: `${url}/mcp`,
    authorization_servers: [endpoint.authorizationServer],
    scopes_supported: endpoint.scopes,
    bearer_methods_supported: ['header'],
  };
  for (const path of ['/.well-known/oauth-protected-resource', '/.well-known/oauth-protected-resource/mcp'])
    app.get(path, () => metadata);

  const identities = new WeakMap<AuthInfo, Identity>();
  const handler = createMcpHandler(({ authInfo }) => {
    const identity = authInfo && identities.get(authInfo);
    if (identity === undefined)
      throw new SallyportError('demo_unauthenticated', 'A request reached the MCP handler without an identity.');
    return endpoint.createServer(identity);
  });

  app.all('/mcp', async (request, reply) => {
    const authentication = await endpoint.authenticate(
      /^Bearer +([^ ]+)$/i.exec(request.headers.authorization ?? '')?.[1],
    );
    if (!authentication.ok && authentication.error === 'unavailable')
      return reply.code(503).header('retry-after', '1').send({ error: 'temporarily_unavailable' });
    if (!authentication.ok) {
      const error = authentication.error === undefined ? '' : `error="${authentication.error}", `;
      return reply
        .code(401)
        .header(
          'www-authenticate',
          `Bearer ${error}resource_metadata="${url}/.well-known/oauth-protected-resource/mcp", ` +
            `scope="${endpoint.scopes.join(' ')}"`,
        )
        .send({ error: authentication.error ?? 'unauthorized' });
    }
    const headers = new Headers();
    for (const [name, value] of Object.entries(request.headers)) {
      if (name !== 'authorization' && name !== 'cookie' && value !== undefined)
        headers.set(name, Array.isArray(value) ? value.join(', ') : value);
    }
    const abort = new AbortController();
    reply.raw.once('close', () => abort.abort());
    const web = new Request(`${url}/mcp`, {
      method: request.method,
      headers,
      signal: abort.signal,
      ...(typeof request.body === 'string' ? { body: request.body } : {}),
    });
    // The SDK passes this object to the factory above. The token itself goes no further.
    const authInfo: AuthInfo = { token: '', clientId: '', scopes: [] };
    identities.set(authInfo, authentication.identity);
    return reply.send(await handler.fetch(web, { authInfo }));
  });
  return () => handler.close();
}
