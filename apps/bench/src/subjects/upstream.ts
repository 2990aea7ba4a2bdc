import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** What a request says, as far as this server looks. It trusts its callers: it is measured, not attacked. */
interface Asked {
  readonly id?: string | number;
  readonly method: string;
  readonly params?: {
    readonly name?: string;
    readonly arguments?: { readonly text?: string; readonly bytes?: number };
  };
}

/** Whose answer a text is, so that a call which reached the wrong server shows. */
export const echoOf = (server: string, text: string): string => `${server} says ${text}`;

const MODERN = '2026-07-28';
const LEGACY = '2025-11-25';
const inputSchema = { type: 'object', properties: { text: { type: 'string' }, bytes: { type: 'integer' } } };
const annotations = { readOnlyHint: true };
const headOf = (body: string) => ({ 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });

/**
 * The least that MCP servers of both eras can be, so that what is measured is what stands before them. One process is
 * many servers: `/modern/<name>/<tools>` speaks 2026-07-28, `/legacy/<name>/<tools>` speaks 2025-11-25 in sessions.
 * `/modern/<name>/<tools>/<ms>` lists for each user anew, after so many milliseconds.
 * `echo` answers what it was told, with the server's name; `big` answers as many bytes as it is asked for.
 * `GET /served` says how many calls it has answered.
 */
export function createUpstream(): Server {
  let served = 0;
  /** Results that are long are written once. */
  const long = new Map<string, Buffer>();
  const longResult = (key: string, make: () => object): Buffer => {
    const written = long.get(key) ?? Buffer.from(JSON.stringify(make()));
    long.set(key, written);
    return written;
  };
  const answer = (request: IncomingMessage, response: ServerResponse, body: string): void => {
    const [, era = '', name = '', tools = '1', delay] = (request.url ?? '').split('/');
    const asked = JSON.parse(body) as Asked;
    const head: Record<string, string> = {};
    let status = 200;
    let result: object | Buffer | undefined;
    const { name: tool = '', arguments: { text = '', bytes = 0 } = {} } = asked.params ?? {};
    const dressed = (from: object): object => (era === 'modern' ? asModern(from, name, asked.method, delay) : from);
    if (asked.method === 'tools/call') {
      served += 1;
      result =
        tool === 'big'
          ? longResult(`${era}/${name}/${bytes}`, () => dressed(textContent('x'.repeat(bytes))))
          : dressed(textContent(echoOf(name, text)));
    } else if (asked.method === 'tools/list')
      result = longResult(request.url ?? '', () => dressed({ tools: toolsOf(Number(tools)) }));
    else if (asked.method === 'initialize' && era === 'legacy') {
      result = { protocolVersion: LEGACY, capabilities: { tools: {} }, serverInfo: { name, version: '1.0.0' } };
      head['mcp-session-id'] = randomUUID();
    } else if (asked.method === 'ping') result = dressed({});
    else if (asked.method === 'server/discover' && era === 'modern')
      result = dressed({
        supportedVersions: [MODERN],
        capabilities: { tools: {} },
        serverInfo: { name, version: '1.0.0' },
      });
    else if (asked.id === undefined) return void response.writeHead(202).end();
    else status = era === 'modern' ? 404 : 200;
    const send = () => answerWith(response, status, head, asked.id, result);
    if (delay !== undefined && asked.method === 'tools/list') setTimeout(send, Number(delay));
    else send();
  };
  return createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    if (request.method === 'GET') {
      const text = JSON.stringify({ served });
      return void (request.url === '/served'
        ? response.writeHead(200, headOf(text)).end(text)
        : response.writeHead(405).end());
    }
    if (request.method === 'DELETE') return void response.writeHead(204).end();
    let body = '';
    request
      .setEncoding('utf8')
      .on('data', (piece: string) => (body += piece))
      .on('end', () => answer(request, response, body));
  });
}

/** @param result as JSON already, where it is long; undefined: there is no such method */
function answerWith(
  response: ServerResponse,
  status: number,
  head: Readonly<Record<string, string>>,
  id: string | number | undefined,
  result: object | Buffer | undefined,
): void {
  const start = `{"jsonrpc":"2.0","id":${JSON.stringify(id)},`;
  if (Buffer.isBuffer(result)) {
    const before = `${start}"result":`;
    const length = Buffer.byteLength(before) + result.length + 1;
    response.writeHead(status, { ...head, 'content-type': 'application/json', 'content-length': length });
    response.write(before);
    response.write(result);
    response.end('}');
    return;
  }
  const said =
    result === undefined
      ? '"error":{"code":-32601,"message":"Method not found"}'
      : `"result":${JSON.stringify(result)}`;
  const text = `${start}${said}}`;
  response.writeHead(status, { ...head, ...headOf(text) }).end(text);
}

const textContent = (text: string): object => ({ content: [{ type: 'text', text }] });

const toolsOf = (count: number): object[] =>
  ['echo', 'big', ...Array.from({ length: Math.max(0, count - 2) }, (_, index) => `tool-${index + 3}`)]
    .slice(0, Math.max(count, 2))
    .map((name) => ({ name, description: `Answers at once, as ${name} does.`, inputSchema, annotations }));

/** With what results of 2026-07-28 have besides. */
const asModern = (result: object, name: string, method: string, delay: string | undefined): object => ({
  resultType: 'complete',
  ...result,
  ...(method === 'tools/call' ? {} : { ttlMs: 3_600_000, cacheScope: delay === undefined ? 'public' : 'private' }),
  _meta: { 'io.modelcontextprotocol/serverInfo': { name, version: '1.0.0' } },
});
