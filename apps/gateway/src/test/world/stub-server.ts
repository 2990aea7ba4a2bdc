import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { AddressInfo } from 'node:net';
import { completable, createMcpHandler, McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import { z } from 'zod';

export interface SeenRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: { readonly id: unknown; readonly method: string; readonly params: Record<string, unknown> };
}

/** A real MCP server (2026-07-28) on loopback that knows users by bearer and remembers what it was sent. */
export interface StubServer {
  readonly url: string;
  readonly seen: SeenRequest[];
  /** Bearer → user. Another one is answered with 401. */
  readonly bearers: Map<string, string>;
  /** Replaces the whole answer, for servers that misbehave; `undefined` lets the server answer. */
  misbehave:
    | ((
        seen: SeenRequest,
      ) =>
        | { status: number; headers?: Record<string, string>; body: string | AsyncIterable<string> }
        | 'hang'
        | undefined)
    | undefined;
  aborted: number;
  close(): Promise<void>;
}

export async function startStubServer(): Promise<StubServer> {
  const seen: SeenRequest[] = [];
  const bearers = new Map<string, string>();
  const http = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const text = Buffer.concat(chunks).toString('utf8');
      const record: SeenRequest = { headers: request.headers, body: JSON.parse(text) as SeenRequest['body'] };
      seen.push(record);
      response.on('close', () => {
        if (!response.writableFinished) stub.aborted += 1;
      });
      const user = bearers.get(request.headers.authorization ?? '');
      const special = stub.misbehave?.(record);
      if (special === 'hang') return;
      if (special !== undefined) {
        response.writeHead(special.status, special.headers ?? { 'content-type': 'application/json' }).flushHeaders();
        if (typeof special.body === 'string') return void response.end(special.body);
        return void Readable.from(special.body)
          .on('error', () => response.destroy())
          .pipe(response);
      }
      if (user === undefined)
        return void response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"' }).end();
      const headers = new Headers(
        Object.entries(request.headers).flatMap(([name, value]) =>
          typeof value === 'string' ? [[name, value] as [string, string]] : [],
        ),
      );
      const answer = await createMcpHandler(() => notesFor(user, request.headers.authorization ?? '')).fetch(
        new Request(stub.url, { method: 'POST', headers, body: text }),
      );
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      if (answer.body === null) return void response.end();
      Readable.fromWeb(answer.body as import('node:stream/web').ReadableStream).pipe(response);
    })().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const stub: StubServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    seen,
    bearers,
    misbehave: undefined,
    aborted: 0,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return stub;
}

function notesFor(user: string, authorization: string): McpServer {
  const server = new McpServer({ name: 'stub', version: '1.0.0' }, { capabilities: { logging: {} } });
  server.registerTool(
    'whoami',
    { description: 'Who is calling', inputSchema: z.object({}), annotations: { readOnlyHint: true } },
    () => ({ content: [{ type: 'text', text: user }] }),
  );
  server.registerTool('add', { description: 'Adds', inputSchema: z.object({ text: z.string() }) }, ({ text }) => ({
    content: [
      { type: 'text', text: `${user} wrote ${text}` },
      { type: 'resource_link', uri: 'note://new', name: 'new' },
    ],
    structuredContent: { text },
  }));
  server.registerTool('secret', { description: 'Reserved', inputSchema: z.object({}) }, () => ({
    content: [{ type: 'text', text: 'reserved' }],
  }));
  server.registerTool('leak', { description: 'Echoes its credential', inputSchema: z.object({}) }, () => ({
    content: [{ type: 'text', text: `my token is ${authorization}` }],
  }));
  server.registerTool(
    'slow',
    { description: 'Reports progress', inputSchema: z.object({}) },
    async (_args, context) => {
      const progressToken = context.mcpReq._meta?.progressToken;
      for (const progress of [1, 2])
        if (progressToken !== undefined)
          await context.mcpReq.notify({
            method: 'notifications/progress',
            params: { progressToken, progress, total: 2 },
          });
      return { content: [{ type: 'text', text: 'done' }] };
    },
  );
  server.registerTool(
    'logs',
    { description: 'Says what it does', inputSchema: z.object({}) },
    async (_args, context) => {
      for (const level of ['debug', 'info', 'error'] as const) await context.mcpReq.log(level, `${level} of ${user}`);
      return { content: [{ type: 'text', text: 'logged' }] };
    },
  );
  server.registerTool(
    'board',
    { description: 'Shows a board', inputSchema: z.object({}), _meta: { ui: { resourceUri: 'ui://board/main.html' } } },
    () => ({ content: [{ type: 'text', text: 'board' }] }),
  );
  server.registerResource('board', 'ui://board/main.html', { mimeType: 'text/html;profile=mcp-app' }, () => ({
    contents: [
      {
        uri: 'ui://board/main.html',
        mimeType: 'text/html;profile=mcp-app',
        text: `<p>${user}</p>`,
        _meta: { ui: { csp: { connectDomains: ['https://api.example'] } } },
      },
    ],
  }));
  server.registerResource('reserved-view', 'ui://secret/main.html', { mimeType: 'text/html;profile=mcp-app' }, () => ({
    contents: [{ uri: 'ui://secret/main.html', text: 'reserved' }],
  }));
  server.registerResource(
    'topic',
    new ResourceTemplate('note://topics/{topic}', {
      list: undefined,
      complete: { topic: (value) => ['alpha', 'beta'].filter((topic) => topic.startsWith(value)) },
    }),
    {},
    (uri, { topic }) => ({ contents: [{ uri: uri.href, text: `${user} on ${String(topic)}` }] }),
  );
  server.registerResource('file', new ResourceTemplate('file:///{name}', { list: undefined }), {}, (uri) => ({
    contents: [{ uri: uri.href, text: 'file' }],
  }));
  server.registerPrompt(
    'summary',
    {
      description: 'Sums up',
      argsSchema: z.object({
        topic: completable(z.string(), (value) => ['alpha', 'beta'].filter((topic) => topic.startsWith(value))),
      }),
    },
    ({ topic }) => ({
      messages: [
        { role: 'user', content: { type: 'text', text: `${user}, sum up ${topic}` } },
        { role: 'user', content: { type: 'resource', resource: { uri: `note://topics/${topic}`, text: 'x' } } },
      ],
    }),
  );
  server.registerPrompt('draft', { description: 'Drafts' }, () => ({
    messages: [{ role: 'user', content: { type: 'text', text: 'draft' } }],
  }));
  server.registerPrompt('reserved', { description: 'Not for all' }, () => ({
    messages: [{ role: 'user', content: { type: 'text', text: 'reserved' } }],
  }));
  server.registerResource('mine', 'note://mine', { title: 'Mine' }, () => ({
    contents: [{ uri: 'note://mine', text: `${user}'s note` }],
  }));
  return server;
}
