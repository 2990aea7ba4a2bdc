import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { Readable } from 'node:stream';
import type { AddressInfo } from 'node:net';
import type { TLSSocket, TlsOptions } from 'node:tls';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import type { ArrivedRequest } from '@sallyport/testing/servers';
import { z } from 'zod';

/** A real MCP server that lets in who can prove it, by whatever means, and has one tool that says who that is. */
export interface ProvingServer {
  readonly url: string;
  readonly origin: string;
  readonly seen: ArrivedRequest[];
  /** What a box on the way does to a request. */
  tamper: (request: ArrivedRequest) => ArrivedRequest;
  /** Asked for each request. */
  prove: (
    request: ArrivedRequest,
    socket: IncomingMessage['socket'],
  ) => { readonly user: string } | { readonly status: number; readonly headers?: Record<string, string> };
  close(): Promise<void>;
}

export async function startProvingServer(tls?: TlsOptions): Promise<ProvingServer> {
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const sent: ArrivedRequest = {
        method: request.method ?? '',
        target: request.url ?? '',
        scheme: tls === undefined ? 'http' : 'https',
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      };
      const arrived = server.tamper(sent);
      server.seen.push(arrived);
      const proven = server.prove(arrived, request.socket);
      if (!('user' in proven)) return void response.writeHead(proven.status, proven.headers).end();
      const headers = new Headers(
        Object.entries(request.headers).flatMap(([name, value]) =>
          typeof value === 'string' ? [[name, value] as [string, string]] : [],
        ),
      );
      const answer = await createMcpHandler(() => serverFor(proven.user, arrived)).fetch(
        new Request(server.url, { method: 'POST', headers, body: arrived.body }),
      );
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      if (answer.body === null) return void response.end();
      Readable.fromWeb(answer.body as import('node:stream/web').ReadableStream).pipe(response);
    })().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  };
  const http = tls === undefined ? createServer(handle) : createTlsServer(tls, handle);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const origin = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const server: ProvingServer = {
    url: `${origin}/mcp`,
    origin,
    seen: [],
    tamper: (request) => request,
    prove: () => ({ status: 403 }),
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return server;
}

function serverFor(user: string, request: ArrivedRequest): McpServer {
  const server = new McpServer({ name: 'proving', version: '1.0.0' });
  server.registerTool(
    'whoami',
    { description: 'Who is calling', inputSchema: z.object({ text: z.string().optional() }) },
    () => ({ content: [{ type: 'text', text: user }] }),
  );
  server.registerTool('leak', { description: 'Echoes what it was shown', inputSchema: z.object({}) }, () => ({
    content: [{ type: 'text', text: JSON.stringify(request.headers) }],
  }));
  return server;
}

/** The name on the certificate that was shown, when somebody we trust vouches for it. */
export function clientNameOf(socket: IncomingMessage['socket']): string | undefined {
  const { authorized, getPeerCertificate } = socket as TLSSocket;
  const name: unknown = authorized ? getPeerCertificate.call(socket as TLSSocket).subject.CN : undefined;
  return typeof name === 'string' ? name : undefined;
}
