import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

const Message = z.object({
  id: z.union([z.string(), z.number()]).optional(),
  method: z.string().optional(),
  params: z.record(z.string(), z.unknown()).optional(),
});

export interface ScriptedRequest {
  readonly httpMethod: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The body as it came. */
  readonly raw: string;
  readonly id: string | number | undefined;
  /** `''` of a body that is no request. */
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** `close`: the connection ends without an answer; `close-after-head`: after the head of one; `hang`: nothing comes. */
export type ScriptedAnswer =
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string | Uint8Array;
    }
  | 'close'
  | 'close-after-head'
  | 'hang';

export interface ScriptedServer {
  /** Of its MCP endpoint. */
  readonly url: string;
  readonly origin: string;
  readonly seen: ScriptedRequest[];
  close(): Promise<void>;
}

/**
 * An HTTP server on loopback that answers what a test tells it to, byte for byte: for servers that no SDK would make.
 */
export async function startScriptedServer(
  script: (request: ScriptedRequest) => ScriptedAnswer | Promise<ScriptedAnswer>,
): Promise<ScriptedServer> {
  const seen: ScriptedRequest[] = [];
  const http = createServer((incoming, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
      const raw = Buffer.concat(chunks).toString('utf8');
      const { id, method = '', params = {} } = messageIn(raw);
      const request: ScriptedRequest = {
        httpMethod: incoming.method ?? '',
        path: incoming.url ?? '',
        headers: incoming.headers,
        raw,
        id,
        method,
        params,
      };
      seen.push(request);
      const answer = await script(request);
      if (answer === 'hang') return;
      if (answer === 'close') return void incoming.socket.destroy();
      if (answer === 'close-after-head') {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' }).flushHeaders();
        return void setTimeout(() => incoming.socket.destroy(), 20);
      }
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers }).end(answer.body);
    })().catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return {
    url: `${origin}/mcp`,
    origin,
    seen,
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
}

function messageIn(raw: string): z.infer<typeof Message> {
  try {
    return Message.safeParse(JSON.parse(raw)).data ?? {};
  } catch {
    return {}; // no JSON: the script looks at the text itself
  }
}

export interface McpScript {
  /** 2026-07-28, or `initialize` with or without sessions. */
  readonly era: 'modern' | 'sessions' | 'sessionless';
  /** The texts of the arrays. */
  readonly tools?: string;
  readonly prompts?: string;
  readonly resources?: string;
  /** The text of the result of anything but the handshake and the lists; `undefined`: the method is not known. */
  readonly resultOf?: (request: ScriptedRequest) => string | undefined;
  /** What becomes of each answer before it is sent. */
  readonly dressed?: (answer: Exclude<ScriptedAnswer, string>, request: ScriptedRequest) => ScriptedAnswer;
  /** Asked first: what it answers is the answer. */
  readonly instead?: (request: ScriptedRequest) => ScriptedAnswer | undefined | Promise<ScriptedAnswer | undefined>;
}

/** A server that behaves, but for what it is told. It knows its sessions, and forgets them when `forget` is called. */
export function scriptMcp({
  era,
  tools = '[]',
  prompts = '[]',
  resources = '[]',
  resultOf,
  instead,
  dressed,
}: McpScript): { readonly script: (request: ScriptedRequest) => Promise<ScriptedAnswer>; forget(): void } {
  const sessions = new Set<string>();
  const message = (request: ScriptedRequest, part: string) =>
    `{"jsonrpc":"2.0","id":${JSON.stringify(request.id ?? null)},${part}}`;
  const result = (request: ScriptedRequest, text: string, headers: Record<string, string> = {}): ScriptedAnswer => ({
    status: 200,
    headers,
    body: message(request, `"result":${text}`),
  });
  const refusal = (request: ScriptedRequest, status: number, code: number, text: string): ScriptedAnswer => ({
    status,
    body: message(request, `"error":{"code":${code},"message":${JSON.stringify(text)}}`),
  });
  const info = '"serverInfo":{"name":"scripted","version":"1"}';
  const plain = async (request: ScriptedRequest): Promise<ScriptedAnswer> => {
    const special = await instead?.(request);
    if (special !== undefined) return special;
    if (request.httpMethod !== 'POST') return { status: request.httpMethod === 'DELETE' ? 200 : 405 };
    if (era === 'modern' && request.method === 'server/discover')
      return result(
        request,
        `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{},"prompts":{},"resources":{}},${info},"ttlMs":60000,"cacheScope":"public"}`,
      );
    if (era !== 'modern') {
      if (request.method === 'initialize') {
        const id = randomUUID();
        sessions.add(id);
        return result(
          request,
          `{"protocolVersion":"2025-11-25","capabilities":{"tools":{},"prompts":{},"resources":{}},${info}}`,
          era === 'sessions' ? { 'mcp-session-id': id } : {},
        );
      }
      const session = String(request.headers['mcp-session-id'] ?? '');
      if (era === 'sessions' && session === '') return refusal(request, 400, -32000, 'Bad Request: no session');
      if (era === 'sessions' && !sessions.has(session)) return refusal(request, 404, -32001, 'Session not found');
      if (request.id === undefined) return { status: 202 };
      if (request.headers['mcp-protocol-version'] === '2026-07-28')
        return refusal(request, 400, -32000, 'Bad Request: Unsupported protocol version');
    }
    const list = {
      'tools/list': `"tools":${tools}`,
      'prompts/list': `"prompts":${prompts}`,
      'resources/list': `"resources":${resources}`,
      'resources/templates/list': '"resourceTemplates":[]',
    }[request.method];
    if (list !== undefined)
      return result(
        request,
        era === 'modern' ? `{"resultType":"complete","ttlMs":1000,"cacheScope":"private",${list}}` : `{${list}}`,
      );
    if (request.method === 'ping') return result(request, '{}');
    const text = resultOf?.(request);
    return text === undefined
      ? refusal(request, era === 'modern' ? 404 : 200, -32601, 'Method not found')
      : result(request, text);
  };
  const script = async (request: ScriptedRequest): Promise<ScriptedAnswer> => {
    const answer = await plain(request);
    return dressed === undefined || typeof answer === 'string' ? answer : dressed(answer, request);
  };
  return { script, forget: () => sessions.clear() };
}
