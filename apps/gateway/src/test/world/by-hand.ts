import { request } from 'node:http';

/** An answer as it came, for requests no SDK would send. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json:
    | { id: unknown; error?: { code: number; message: string; data?: unknown }; result?: Record<string, unknown> }
    | undefined;
}

const envelope = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};

/** A request of 2026-07-28 with its headers; `params` may hold a `_meta` of its own. */
export function modernRequest(
  method: string,
  params: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): { body: Record<string, unknown>; headers: Record<string, string> } {
  const named = params['name'] ?? params['uri'] ?? params['taskId'];
  return {
    body: {
      jsonrpc: '2.0',
      id: 7,
      method,
      params: { ...params, _meta: { ...envelope, ...(params['_meta'] as object | undefined) } },
    },
    headers: {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof named === 'string' ? { 'mcp-name': named } : {}),
      ...headers,
    },
  };
}

export async function postByHand(
  url: string,
  token: string,
  { body, headers = {} }: { body: unknown; headers?: Record<string, string> },
): Promise<RawAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}`, ...headers },
  });
  const text = await response.text();
  const last =
    response.headers.get('content-type') === 'text/event-stream'
      ? (text.trim().split('\n\n').at(-1)?.split('data: ')[1] ?? '')
      : text;
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: last === '' ? undefined : (JSON.parse(last) as RawAnswer['json']),
  };
}

/**
 * `fetch` joins repeated headers and sends whole bodies; this sends headers as they are and the body piece by piece.
 */
export function postInPieces(
  url: string,
  headers: Record<string, string | string[]>,
  pieces: readonly (string | Buffer)[],
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method: 'POST', headers: { 'content-type': 'application/json', ...headers } },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    ).on('error', reject);
    void (async () => {
      for (const piece of pieces) {
        outgoing.write(piece);
        await new Promise((next) => setImmediate(next));
      }
      outgoing.end();
    })();
  });
}
