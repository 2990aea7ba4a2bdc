import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

/** Whose token it is and where it is good: known here alone, and in none of its characters. */
interface Issued {
  readonly owner: string;
  readonly server: string;
  readonly expiresAt: number;
  isRejected: boolean;
}

/** Several MCP servers and the authorization server of them all, on one port. */
export interface TaggedServers {
  readonly origin: string;
  readonly clientId: string;
  urlOf(server: string): string;
  grant(
    owner: string,
    server: string,
  ): { readonly accessToken: string; readonly refreshToken: string; readonly expiresAt: number };
  /**
   * Good tokens that are refused from now on, as if somebody had revoked them there: one of each connection, since a
   * refresh is forced once a minute only (S24).
   */
  reject(share: number): void;
  readonly counts: { calls: number; lists: number; refreshes: number };
  /** Every credential that came with somebody else's call, to another server than its own, or twice. */
  readonly problems: string[];
  stop(): Promise<void>;
}

const Call = z.object({
  id: z.union([z.string(), z.number()]),
  method: z.string(),
  params: z.object({ arguments: z.object({ user: z.string() }).optional() }).optional(),
});
const serverInfo = { name: 'tagged', version: '1.0.0' };
const CLIENT_ID = 'sallyport-isolation';

/** Each call says in its arguments whose it is meant to be; each token knows whose it is. */
export async function startTaggedServers({
  tokenSeconds,
  random,
}: {
  tokenSeconds: number;
  random: () => number;
}): Promise<TaggedServers> {
  const accessTokens = new Map<string, Issued>();
  const refreshTokens = new Map<string, { readonly owner: string; readonly server: string }>();
  const counts = { calls: 0, lists: 0, refreshes: 0 };
  const problems: string[] = [];
  const rejected = new Set<string>();

  const grant = (owner: string, server: string) => {
    const [accessToken, refreshToken] = [randomBytes(24).toString('base64url'), randomBytes(24).toString('base64url')];
    const expiresAt = Date.now() + tokenSeconds * 1000;
    accessTokens.set(accessToken, { owner, server, expiresAt, isRejected: false });
    refreshTokens.set(refreshToken, { owner, server });
    return { accessToken, refreshToken, expiresAt };
  };
  const refresh = (form: URLSearchParams): object | undefined => {
    const presented = form.get('refresh_token') ?? '';
    const known = refreshTokens.get(presented);
    if (!known || form.get('client_id') !== CLIENT_ID) {
      problems.push('a refresh token was shown that is not good');
      return undefined;
    }
    refreshTokens.delete(presented);
    counts.refreshes += 1;
    const { accessToken, refreshToken } = grant(known.owner, known.server);
    return { access_token: accessToken, token_type: 'Bearer', refresh_token: refreshToken, expires_in: tokenSeconds };
  };
  const resultOf = (call: z.infer<typeof Call>, { owner, server }: Issued): object | undefined => {
    switch (call.method) {
      case 'server/discover':
        return {
          supportedVersions: ['2026-07-28'],
          capabilities: { tools: {} },
          serverInfo,
          ttlMs: 3_600_000,
          cacheScope: 'public',
        };
      case 'tools/list':
        counts.lists += 1;
        return {
          tools: [
            {
              name: 'whose',
              description: `${owner} at ${server}`,
              inputSchema: { type: 'object', properties: { user: { type: 'string' } } },
            },
          ],
          ttlMs: 1_000,
          cacheScope: 'private',
        };
      case 'tools/call': {
        counts.calls += 1;
        const meant = call.params?.arguments?.user;
        if (meant !== owner) problems.push(`a call of ${meant} came with a credential of ${owner} at ${server}`);
        return { content: [{ type: 'text', text: `${owner} at ${server}` }] };
      }
      default:
        return undefined;
    }
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const json = (status: number, value: unknown, headers: Record<string, string> = {}) =>
      void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
    if (request.url === '/token') {
      const tokens = refresh(new URLSearchParams(body));
      return tokens ? json(200, tokens) : json(400, { error: 'invalid_grant' });
    }
    const server = /^\/([a-z0-9-]+)\/mcp$/.exec(request.url ?? '')?.[1] ?? '';
    const issued = accessTokens.get(request.headers.authorization?.replace(/^Bearer /, '') ?? '');
    if (request.headers.authorization !== undefined && issued?.server !== server)
      problems.push(`${server} was shown a credential that is not for it`);
    if (!issued || issued.server !== server || issued.isRejected || issued.expiresAt < Date.now())
      return json(401, {}, { 'www-authenticate': 'Bearer error="invalid_token"' });
    const call = Call.parse(JSON.parse(body));
    const result = resultOf(call, issued);
    json(result ? 200 : 404, {
      jsonrpc: '2.0',
      id: call.id,
      ...(result
        ? { result: { resultType: 'complete', ...result, _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo } } }
        : { error: { code: -32601, message: 'Method not found' } }),
    });
  };

  const http = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      problems.push(String(error));
      request.socket.destroy();
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return {
    origin,
    clientId: CLIENT_ID,
    counts,
    problems,
    grant,
    urlOf: (server) => `${origin}/${server}/mcp`,
    reject(share) {
      for (const issued of accessTokens.values()) {
        const whose = `${issued.owner} ${issued.server}`;
        if (rejected.has(whose) || random() >= share) continue;
        rejected.add(whose);
        issued.isRejected = true;
      }
    },
    stop: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}
