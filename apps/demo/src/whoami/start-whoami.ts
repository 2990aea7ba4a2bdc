import { McpServer } from '@modelcontextprotocol/server';
import { createRemoteJWKSet } from 'jose';
import { z } from 'zod';
import type { Clock } from '@sallyport/kernel';
import { openLoopbackServer } from '../loopback/open-loopback-server.js';
import { serveMcp } from '../mcp/serve-mcp.js';
import { SeenClaims, verifyGatewayToken } from './verify-gateway-token.js';

export interface WhoamiOptions {
  host: string;
  port: number;
  /** The authorization server whose keys this server trusts. */
  issuer: string;
  jwksUrl: string;
  clock: Clock;
}

const JWKS_COOLDOWN_MS = 1000;
const SCOPE = 'whoami.read';

/**
 * Starts a server that a company wrote itself: it has no accounts, trusts our downstream tokens, and shows their
 * claims.
 */
export async function startWhoami(options: WhoamiOptions): Promise<{ url: string; close(): Promise<void> }> {
  const server = await openLoopbackServer({ name: 'demo whoami server', host: options.host, port: options.port });
  const resource = `${server.url}/mcp`;
  const keys = createRemoteJWKSet(new URL(options.jwksUrl), { cooldownDuration: JWKS_COOLDOWN_MS });
  const endStreams = serveMcp<SeenClaims>(server.app, {
    url: server.url,
    authorizationServer: options.issuer,
    scopes: [SCOPE],
    authenticate: async (token) => {
      if (token === undefined) return { ok: false };
      const claims = await verifyGatewayToken(token, { issuer: options.issuer, resource, keys, clock: options.clock });
      if (claims === 'unavailable') return { ok: false, error: 'unavailable' };
      return claims === 'refused' ? { ok: false, error: 'invalid_token' } : { ok: true, identity: claims };
    },
    createServer: createWhoamiServer,
  });
  await server.ready();
  return {
    url: resource,
    close: async () => {
      await endStreams();
      await server.close();
    },
  };
}

/** The MCP server of one request. */
export function createWhoamiServer(claims: SeenClaims): McpServer {
  const server = new McpServer({ name: 'whoami', title: 'Who am I', version: '1.0.0' });
  server.registerTool(
    'whoami',
    {
      title: 'Who am I?',
      description: 'Returns the claims this server received about you and your agent.',
      inputSchema: z.object({}),
      outputSchema: SeenClaims,
      annotations: { readOnlyHint: true, openWorldHint: false },
    },
    () => ({ structuredContent: claims, content: [{ type: 'text', text: JSON.stringify(claims, null, 2) }] }),
  );
  server.registerResource(
    'me',
    'whoami://me',
    { title: 'Me', description: 'The same as a resource', mimeType: 'application/json' },
    () => ({
      contents: [{ uri: 'whoami://me', mimeType: 'application/json', text: JSON.stringify(claims, null, 2) }],
    }),
  );
  return server;
}
