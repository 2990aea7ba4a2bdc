import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { decodeHeaderValue } from '@sallyport/server';

type Json = Record<string, unknown>;

export interface SeenTaskRequest {
  readonly method: string;
  readonly params: Json;
  readonly authorization: string | undefined;
}

/**
 * A server of 2026-07-28 that begins tasks, as a test says. By hand: the SDK has no tasks, and some answers here are
 * none an SDK would give.
 */
export interface TaskServer {
  readonly url: string;
  readonly seen: SeenTaskRequest[];
  /** As tasks/get would answer, by the server's own id; a test moves them on. */
  readonly tasks: Map<string, Json>;
  /** The id of the next one. */
  newId: () => string;
  /** Replaces a result. */
  misbehave: ((request: SeenTaskRequest) => Json | undefined) | undefined;
  /** Tells whoever listens how a task is, whatever they asked for. */
  tell(params: Json): void;
  /** Streams that listen now. */
  readonly listening: () => number;
  close(): Promise<void>;
}

const TASKS = 'io.modelcontextprotocol/tasks';
const TIME = '2026-07-28T00:00:00Z';
export const workingTask = (taskId: string): Json => ({
  taskId,
  status: 'working',
  createdAt: TIME,
  lastUpdatedAt: TIME,
  ttlMs: 60_000,
  pollIntervalMs: 50,
});

/** Tools: `begin` is only ever a task, `maybe` is one for clients that follow tasks, `rude` is one for everybody. */
export async function startTaskServer(): Promise<TaskServer> {
  let last = 0;
  const streams = new Set<ServerResponse>();
  const answerTo = (request: SeenTaskRequest): Json => {
    const { method, params } = request;
    const special = server.misbehave?.(request);
    if (special !== undefined) return { result: special };
    switch (method) {
      case 'tools/list':
        return {
          result: {
            resultType: 'complete',
            tools: ['begin', 'maybe', 'rude'].map((name) => ({ name, inputSchema: { type: 'object' } })),
            ttlMs: 0,
            cacheScope: 'private',
          },
        };
      case 'tools/call': {
        const isDeclared = declares(params);
        if (params['name'] === 'begin' && !isDeclared)
          return {
            error: {
              code: -32021,
              message: 'Tasks are needed.',
              data: { requiredCapabilities: { extensions: { [TASKS]: {} } } },
            },
          };
        if (params['name'] === 'maybe' && !isDeclared)
          return { result: { resultType: 'complete', content: [{ type: 'text', text: 'at once' }] } };
        const task = workingTask(server.newId());
        server.tasks.set(String(task['taskId']), task);
        return { result: { resultType: 'task', ...task } };
      }
      case 'tasks/get':
      case 'tasks/update':
      case 'tasks/cancel': {
        const id = String(params['taskId']);
        const task = server.tasks.get(id);
        if (task === undefined) return { error: { code: -32602, message: `There is no task ${id}.` } };
        if (method === 'tasks/cancel') server.tasks.set(id, { ...workingTask(id), status: 'cancelled' });
        return { result: { resultType: 'complete', ...(method === 'tasks/get' ? task : {}) } };
      }
      default:
        return { error: { code: -32601, message: 'Method not found' } };
    }
  };
  const http = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
      const { id, method, params } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as {
        id: unknown;
        method: string;
        params: Json;
      };
      const seen = { method, params, authorization: request.headers.authorization };
      server.seen.push(seen);
      if (method.startsWith('tasks/') && decodeHeaderValue(String(request.headers['mcp-name'])) !== params['taskId'])
        return void response
          .writeHead(400, { 'content-type': 'application/json' })
          .end(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32020, message: 'Mcp-Name is not the task.' } }));
      if (method !== 'subscriptions/listen')
        return void response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ jsonrpc: '2.0', id, ...answerTo(seen) }));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      streams.add(response);
      response.on('close', () => streams.delete(response));
      const wanted = (params['notifications'] as { taskIds?: string[] }).taskIds ?? [];
      send(response, 'notifications/subscriptions/acknowledged', {
        notifications: { taskIds: wanted.filter((one) => server.tasks.has(one)) },
      });
    })().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const server: TaskServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    seen: [],
    tasks: new Map(),
    newId: () => `task-${++last}`,
    misbehave: undefined,
    tell: (params) => streams.forEach((stream) => send(stream, 'notifications/tasks', params)),
    listening: () => streams.size,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return server;
}

const send = (stream: ServerResponse, method: string, params: Json) =>
  void stream.write(`data: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`);

function declares(params: Json): boolean {
  const meta = params['_meta'] as { 'io.modelcontextprotocol/clientCapabilities'?: { extensions?: Json } } | undefined;
  return meta?.['io.modelcontextprotocol/clientCapabilities']?.extensions?.[TASKS] !== undefined;
}
