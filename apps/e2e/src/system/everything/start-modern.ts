import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { McpHttpHandler } from '@modelcontextprotocol/server';
import { createModernEverything } from './modern-everything.js';
import { serveEverything } from './serve-everything.js';
import type { EverythingServer } from './serve-everything.js';
import type { Watch } from './surface.js';

export async function startModernEverything(): Promise<EverythingServer> {
  const watch: Watch = { started: 0, cancelled: 0 };
  const handler = createModernEverything(watch);
  return await serveEverything(
    (request, response) => void answer(handler, request, response),
    () => handler.close(),
    watch,
  );
}

async function answer(handler: McpHttpHandler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD';
  try {
    const answered = await handler.fetch(
      new Request(`http://${request.headers.host ?? 'localhost'}${request.url ?? '/'}`, {
        method: request.method ?? 'GET',
        headers: Object.entries(request.headers).map(([name, value]) => [name, String(value)] as [string, string]),
        signal: gone.signal,
        ...(hasBody ? { body: Readable.toWeb(request) as ReadableStream<Uint8Array>, duplex: 'half' } : {}),
      }),
    );
    response.writeHead(answered.status, Object.fromEntries(answered.headers));
    if (answered.body === null) response.end();
    else await pipeline(Readable.fromWeb(answered.body), response);
  } catch (error) {
    if (!gone.signal.aborted) response.destroy(error instanceof Error ? error : undefined);
  }
}
