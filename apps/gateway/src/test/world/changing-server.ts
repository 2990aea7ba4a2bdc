import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { McpError, SubscribeRequestSchema, UnsubscribeRequestSchema } from '@modelcontextprotocol/sdk/types.js';

/** A real server of 2025-11-25 (SDK v1) with sessions whose resources and lists change. */
export interface ChangingServer {
  readonly url: string;
  /** `subscribe <uri>` and `unsubscribe <uri>`, as they came. */
  readonly asked: string[];
  /** Streams opened with GET, and how many of them are open. */
  readonly streams: { opened: number; open: number };
  /** Calls of `hold` that wait. */
  readonly held: (() => void)[];
  /** Tells every session, on its GET stream if there is one. */
  updated(uri: string): Promise<void>;
  toolsChanged(): void;
  close(): Promise<void>;
}

export async function startChangingServer(options: { readonly offersStream: boolean }): Promise<ChangingServer> {
  const sessions = new Map<string, { readonly transport: StreamableHTTPServerTransport; readonly server: McpServer }>();
  const http = createServer((request, response) => {
    void (async () => {
      const body = request.method === 'POST' ? (JSON.parse(await text(request)) as { method?: string }) : undefined;
      if (request.method === 'GET') {
        if (!options.offersStream) return void response.writeHead(405).end();
        changing.streams.opened += 1;
        changing.streams.open += 1;
        response.on('close', () => (changing.streams.open -= 1));
      }
      const id = request.headers['mcp-session-id']?.toString();
      let transport = id === undefined ? undefined : sessions.get(id)?.transport;
      if (transport === undefined && body?.method === 'initialize') {
        const server = mcpServer(changing);
        const created = new StreamableHTTPServerTransport({
          sessionIdGenerator: randomUUID,
          onsessioninitialized: (session) => void sessions.set(session, { transport: created, server }),
        });
        await server.connect(created);
        transport = created;
      }
      if (transport === undefined)
        return void response
          .writeHead(id === undefined ? 400 : 404, { 'content-type': 'application/json' })
          .end('{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request"},"id":null}');
      await transport.handleRequest(request, response, body);
    })().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const changing: ChangingServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    asked: [],
    streams: { opened: 0, open: 0 },
    held: [],
    updated: async (uri) =>
      void (await Promise.all([...sessions.values()].map(({ server }) => server.server.sendResourceUpdated({ uri })))),
    toolsChanged: () => {
      for (const { server } of sessions.values()) server.sendToolListChanged();
    },
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return changing;
}

function mcpServer({ asked, held }: Pick<ChangingServer, 'asked' | 'held'>): McpServer {
  const server = new McpServer(
    { name: 'changing', version: '1' },
    { capabilities: { tools: { listChanged: true }, resources: { listChanged: true, subscribe: true } } },
  );
  const done = { content: [{ type: 'text' as const, text: 'done' }] };
  server.registerTool('hold', {}, async ({ sendNotification, _meta }) => {
    await sendNotification({
      method: 'notifications/progress',
      params: { progressToken: _meta?.progressToken ?? 0, progress: 1 },
    });
    await new Promise<void>((resolve) => held.push(resolve));
    return done;
  });
  server.registerTool('touch', {}, async ({ sendNotification }) => {
    for (const uri of ['note://mine', 'note://other', 'secret://mine'])
      await sendNotification({ method: 'notifications/resources/updated', params: { uri } });
    return done;
  });
  server.registerResource('mine', 'note://mine', {}, (uri) => ({ contents: [{ uri: uri.href, text: 'mine' }] }));
  const take =
    (word: string) =>
    ({ params: { uri } }: { params: { uri: string } }) => {
      asked.push(`${word} ${uri}`);
      if (uri === 'note://absent') throw new McpError(-32002, 'Not here, and this says more than it should');
      return {};
    };
  server.server.setRequestHandler(SubscribeRequestSchema, take('subscribe'));
  server.server.setRequestHandler(UnsubscribeRequestSchema, take('unsubscribe'));
  return server;
}
