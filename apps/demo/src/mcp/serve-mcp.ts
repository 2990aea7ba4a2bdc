import type { FastifyInstance } from 'fastify';
import { SallyportError } from '@sallyport/kernel';
import { createMcpHandler, type AuthInfo, type McpServer } from '@modelcontextprotocol/server';

/** Who a request acts for, or why it may not: the `error` of RFC 6750 section 3.1, absent when no token was sent, `unavailable` when it could not be checked. */
export type Authentication<Identity> =
  | { ok: true; identity: Identity }
  | { ok: false; error?: 'invalid_token' }
  | { ok: false; error: 'unavailable' };

export interface McpEndpoint<Identity> {
  /** Origin, without a trailing slash; the endpoint is `<url>/mcp`, and that is its RFC 8707 resource. */
  url: string;
  authorizationServer: string;
  scopes: readonly string[];
  authenticate(token: string | undefined): Promise<Authentication<Identity>>;
  createServer(identity: Identity): McpServer;
}

/** `/mcp` for both protocol eras, stateless, behind a bearer token; protected-resource metadata (RFC 9728) in path and root form. Returns what ends open streams. */
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
          `Bearer ${error}resource_metadata="${url}/.well-known/oauth-protected-resource/mcp", scope="${endpoint.scopes.join(' ')}"`,
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
    // The SDK hands this object on to the factory above; the token stays here.
    const authInfo: AuthInfo = { token: '', clientId: '', scopes: [] };
    identities.set(authInfo, authentication.identity);
    return reply.send(await handler.fetch(web, { authInfo }));
  });
  return () => handler.close();
}
