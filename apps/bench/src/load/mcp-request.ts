import { echoOf } from '../subjects/upstream.js';

/** One POST to an MCP endpoint, and a text that a true answer holds. */
export interface McpRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly expected: string;
}

export const MODERN = '2026-07-28';
export const LEGACY = '2025-11-25';
const CLIENT_INFO = { name: 'bench', version: '1.0.0' };
const ACCEPTED = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
/** The text of a call is unlike that of any other, and as long as arguments usually are. */
const textOf = (index: number) => `call ${String(index).padStart(6, '0')} of a tool that has little to say`;
const bearer = (token: string | undefined): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` };

/** Where the requests of one subject go, and as what they call the server's tools. */
export interface Route {
  readonly path: string;
  readonly server: string;
  /** `echo`, or with the prefix that the product gives it. */
  readonly toolName: (tool: string) => string;
}

export interface Calls {
  readonly tokens?: readonly string[];
  readonly tool?: string;
  /** Besides the text that tells calls apart. */
  readonly args?: Readonly<Record<string, unknown>>;
  /** What a true answer holds, if not the text with the server's name. */
  readonly expected?: string;
}

/** `tools/call` of 2026-07-28: request `index` has token `index`, round and round. */
export function modernCalls(
  route: Route,
  count: number,
  { tokens = [], tool = 'echo', args = {}, expected }: Calls = {},
): McpRequest[] {
  return Array.from({ length: count }, (_, index) => {
    const name = route.toolName(tool);
    return modern(route.path, 'tools/call', {
      index,
      token: tokens[index % tokens.length],
      params: { name, arguments: { text: textOf(index), ...args } },
      expected: expected ?? echoOf(route.server, textOf(index)),
    });
  });
}

export function modern(
  path: string,
  method: string,
  {
    index,
    token,
    params = {},
    expected = '"result"',
  }: { index: number; token: string | undefined; params?: Record<string, unknown>; expected?: string },
): McpRequest {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientCapabilities': {},
    'io.modelcontextprotocol/clientInfo': CLIENT_INFO,
  };
  const { name } = params;
  return {
    path,
    headers: {
      ...ACCEPTED,
      'mcp-protocol-version': MODERN,
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
      ...bearer(token),
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: index + 1, method, params: { ...params, _meta } }),
    expected,
  };
}

/** `tools/call` of 2025-11-25, each session with so many ids that none is used twice at a time. */
export function legacyCalls(
  route: Route,
  count: number,
  sessions: readonly { readonly id: string; readonly token: string | undefined }[],
): McpRequest[] {
  return Array.from({ length: count }, (_, index) => {
    const session = sessions[index % sessions.length];
    const params = { name: route.toolName('echo'), arguments: { text: textOf(index) } };
    return {
      path: route.path,
      headers: {
        ...ACCEPTED,
        'mcp-protocol-version': LEGACY,
        'mcp-session-id': session?.id ?? '',
        ...bearer(session?.token),
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: index + 1, method: 'tools/call', params }),
      expected: echoOf(route.server, textOf(index)),
    };
  });
}

/** The lifecycle of 2025-11-25 up to a session that may be used. @returns its id */
export async function beginSession(origin: string, path: string, token?: string): Promise<string> {
  const send = async (body: object, headers: Record<string, string> = {}): Promise<Response> => {
    const response = await fetch(`${origin}${path}`, {
      method: 'POST',
      headers: { ...ACCEPTED, ...bearer(token), ...headers },
      body: JSON.stringify({ jsonrpc: '2.0', ...body }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${origin}${path} began no session: ${response.status} ${text}`);
    return response;
  };
  const params = { protocolVersion: LEGACY, capabilities: {}, clientInfo: CLIENT_INFO };
  const begun = await send({ id: 'initialize', method: 'initialize', params });
  const id = begun.headers.get('mcp-session-id');
  if (id === null) throw new Error(`${origin}${path} names no session`);
  await send({ method: 'notifications/initialized' }, { 'mcp-session-id': id, 'mcp-protocol-version': LEGACY });
  return id;
}
