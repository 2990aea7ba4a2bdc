import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { completable } from '@modelcontextprotocol/sdk/server/completable.js';
import { z } from 'zod';
import type { SeenRequest } from './stub-server.js';

export interface LegacyStubServer {
  readonly url: string;
  readonly seen: SeenRequest[];
  close(): Promise<void>;
}

/** A real MCP server of 2025-11-25 (SDK v1) with sessions, on loopback; takes any bearer for its user's name. */
export async function startLegacyStubServer(): Promise<LegacyStubServer> {
  const seen: SeenRequest[] = [];
  const transports = new Map<string, StreamableHTTPServerTransport>();
  const http = createServer((request, response) => {
    void (async () => {
      const text = await textOf(request);
      const body = text === '' ? undefined : (JSON.parse(text) as SeenRequest['body']);
      if (body !== undefined) seen.push({ headers: request.headers, body });
      let transport = transports.get(request.headers['mcp-session-id']?.toString() ?? '');
      if (transport === undefined && body?.method === 'initialize') {
        const created = new StreamableHTTPServerTransport({
          sessionIdGenerator: randomUUID,
          onsessioninitialized: (id) => void transports.set(id, created),
        });
        await archiveFor(request.headers.authorization ?? '').connect(created);
        transport = created;
      }
      if (transport === undefined)
        return void response
          .writeHead(400, { 'content-type': 'application/json' })
          .end('{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request"},"id":null}');
      await transport.handleRequest(request, response, body);
    })().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    seen,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function archiveFor(user: string): McpServer {
  const server = new McpServer({ name: 'archive', version: '1' }, { capabilities: { logging: {} } });
  server.registerTool('whoami', {}, () => ({ content: [{ type: 'text', text: user }] }));
  server.registerTool('logs', {}, async ({ sendNotification }) => {
    for (const level of ['debug', 'info', 'error'] as const)
      await sendNotification({ method: 'notifications/message', params: { level, data: `${level} of the archive` } });
    return { content: [{ type: 'text', text: 'logged' }] };
  });
  server.registerPrompt(
    'recall',
    {
      argsSchema: {
        year: completable(z.string(), (value) => ['1999', '2001'].filter((year) => year.startsWith(value))),
      },
    },
    ({ year }) => ({ messages: [{ role: 'user', content: { type: 'text', text: `recall ${year}` } }] }),
  );
  server.registerResource('year', new ResourceTemplate('archive://{year}', { list: undefined }), {}, (uri) => ({
    contents: [{ uri: uri.href, text: 'dust' }],
  }));
  return server;
}
