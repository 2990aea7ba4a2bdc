import { createServer, type Server } from 'node:http';
import { z } from 'zod';

const Call = z.object({ id: z.union([z.string(), z.number()]).optional(), method: z.string() });

const serverInfo = { name: 'bench', version: '1.0.0' };
const cacheable = { ttlMs: 3_600_000, cacheScope: 'public' };
const tool = {
  name: 'echo',
  description: 'Answers at once.',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
  annotations: { readOnlyHint: true },
};

/** The least an MCP server of 2026-07-28 can be, so that what is measured is what stands before it. */
const results: Readonly<Record<string, object>> = {
  'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, serverInfo, ...cacheable },
  'tools/list': { tools: [tool], ...cacheable },
  'tools/call': {
    content: [{ type: 'text', text: 'an answer of about the length that tools give when they have little to say' }],
  },
};

export function createUpstream(): Server {
  return createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const call = Call.safeParse(JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}'));
      const result = call.success ? results[call.data.method] : undefined;
      const id = call.data?.id ?? null;
      const answer =
        result === undefined
          ? { jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } }
          : {
              jsonrpc: '2.0',
              id,
              result: {
                resultType: 'complete',
                ...result,
                _meta: { 'io.modelcontextprotocol/serverInfo': serverInfo },
              },
            };
      const body = JSON.stringify(answer);
      response.writeHead(result === undefined ? 404 : 200, {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      });
      response.end(body);
    });
  });
}
