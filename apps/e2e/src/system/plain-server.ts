import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';

const Call = z.object({
  id: z.union([z.string(), z.number()]),
  method: z.string(),
  params: z
    .object({
      name: z.string().optional(),
      arguments: z.looseObject({ text: z.string().optional(), milliseconds: z.number().optional() }).optional(),
    })
    .optional(),
});
const serverInfo = { name: 'plain', version: '1.0.0' };
const inputSchema = { type: 'object' };

export interface PlainServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** A server of 2026-07-28 that answers at once (`echo`) or after a while (`wait`), and tells nothing by itself. */
export async function startPlainServer(): Promise<PlainServer> {
  const resultOf = async ({ method, params }: z.infer<typeof Call>): Promise<object | undefined> => {
    switch (method) {
      case 'server/discover':
        return {
          supportedVersions: ['2026-07-28'],
          capabilities: { tools: {} },
          serverInfo,
          ttlMs: 3_600_000,
          cacheScope: 'public',
        };
      case 'tools/list':
        return {
          tools: [
            { name: 'echo', inputSchema },
            { name: 'wait', inputSchema },
          ],
          ttlMs: 60_000,
          cacheScope: 'public',
        };
      case 'tools/call':
        await pause(Math.min(params?.arguments?.milliseconds ?? 0, 10_000));
        return { content: [{ type: 'text', text: `${params?.arguments?.text?.length ?? 0} characters` }] };
      default:
        return undefined;
    }
  };
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const call = Call.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
    const result = await resultOf(call);
    const said = result
      ? { result: { resultType: 'complete', ...result, _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo } } }
      : { error: { code: -32601, message: 'Method not found' } };
    response
      .writeHead(result ? 200 : 404, { 'content-type': 'application/json' })
      .end(JSON.stringify({ jsonrpc: '2.0', id: call.id, ...said }));
  };
  const http = createServer(
    (request, response) => void answer(request, response).catch(() => request.socket.destroy()),
  );
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    stop: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}
