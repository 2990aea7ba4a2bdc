// The tools behind the v1 TypeScript SDK's own `mcpAuthRouter`, at $PORT. It agrees to everything, and forgets
// everything with its process. Refresh tokens are single use.
import { randomUUID } from 'node:crypto';
import { requireBearerAuth } from '@modelcontextprotocol/sdk/server/auth/middleware/bearerAuth.js';
import { InvalidGrantError, InvalidTokenError } from '@modelcontextprotocol/sdk/server/auth/errors.js';
import { getOAuthProtectedResourceMetadataUrl, mcpAuthRouter } from '@modelcontextprotocol/sdk/server/auth/router.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import express from 'express';
import { sdkServer } from './sdk-server.mjs';
import { note } from './tools.mjs';

const TOKEN_SECONDS = 4;
const origin = new URL(`http://127.0.0.1:${process.env.PORT}`);
const resource = new URL('/mcp', origin);
const [clients, codes, access, refresh] = [new Map(), new Map(), new Map(), new Map()];

function issue(clientId, scopes, boundTo) {
  const grant = { clientId, scopes, resource: boundTo };
  const [token, successor] = [randomUUID(), randomUUID()];
  access.set(token, { ...grant, token, expiresAt: Math.floor(Date.now() / 1000) + TOKEN_SECONDS });
  refresh.set(successor, grant);
  const scope = scopes.join(' ');
  return { access_token: token, token_type: 'bearer', expires_in: TOKEN_SECONDS, scope, refresh_token: successor };
}

function take(map, key, clientId) {
  const found = map.get(key);
  map.delete(key);
  if (found?.clientId !== clientId) throw new InvalidGrantError('unknown');
  return found;
}

const provider = {
  clientsStore: {
    getClient: (id) => clients.get(id),
    registerClient: (client) => (clients.set(client.client_id, client), client),
  },
  async authorize(client, { state, scopes, codeChallenge, redirectUri, resource: asked }, response) {
    const code = randomUUID();
    codes.set(code, { clientId: client.client_id, codeChallenge, scopes: scopes ?? ['use'], resource: asked });
    const back = new URL(redirectUri);
    back.searchParams.set('code', code);
    if (state !== undefined) back.searchParams.set('state', state);
    response.redirect(back.href);
  },
  challengeForAuthorizationCode: async (_client, code) => {
    const found = codes.get(code);
    if (found === undefined) throw new InvalidGrantError('unknown');
    return found.codeChallenge;
  },
  async exchangeAuthorizationCode(client, code) {
    const { scopes, resource: boundTo } = take(codes, code, client.client_id);
    return issue(client.client_id, scopes, boundTo);
  },
  async exchangeRefreshToken(client, token) {
    const { scopes, resource: boundTo } = take(refresh, token, client.client_id);
    note('refresh');
    return issue(client.client_id, scopes, boundTo);
  },
  verifyAccessToken: async (token) => {
    const found = access.get(token);
    if (found?.resource?.href !== resource.href) throw new InvalidTokenError('unknown');
    return found;
  },
  revokeToken: async (_client, { token }) => void (access.delete(token), refresh.delete(token)),
};

const app = express();
app.use(mcpAuthRouter({ provider, issuerUrl: origin, resourceServerUrl: resource, scopesSupported: ['use'] }));
const resourceMetadataUrl = getOAuthProtectedResourceMetadataUrl(resource);
const bearer = requireBearerAuth({ verifier: provider, requiredScopes: ['use'], resourceMetadataUrl });
app.all('/mcp', bearer, express.json(), async (request, response) => {
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  const server = sdkServer();
  response.on('close', () => void server.close());
  await server.connect(transport);
  await transport.handleRequest(request, response, request.body);
});
app.listen(Number(process.env.PORT), '127.0.0.1');
