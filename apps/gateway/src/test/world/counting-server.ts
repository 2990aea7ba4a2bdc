import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { text } from 'node:stream/consumers';

/** A server of 2026-07-28 with one tool, `add`, that does something each time and counts it. */
export interface CountingServer {
  readonly http: Server;
  /** Calls that ran, by what they were told to add. */
  readonly ran: string[];
  /** While set, calls run and their answers wait for it. */
  answers: Promise<void> | undefined;
}

export function createCountingServer(): CountingServer {
  const http = createServer((request, response) => {
    void (async () => {
      const { id, method, params } = JSON.parse(await text(request)) as {
        id: unknown;
        method: string;
        params: { arguments?: { what?: string } };
      };
      const isCall = method === 'tools/call';
      if (isCall) counting.ran.push(params.arguments?.what ?? '');
      await counting.answers;
      const result = isCall
        ? { content: [{ type: 'text', text: 'added' }] }
        : { tools: [{ name: 'add', inputSchema: { type: 'object' } }] };
      const body = JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } });
      response.writeHead(200, { 'content-type': 'application/json' }).end(body);
    })().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  const counting: CountingServer = { http, ran: [], answers: undefined };
  return counting;
}
