import type { Random } from '../fuzz/random.js';
import type { McpFacts } from './mcp-case.js';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export interface JsonMap {
  [key: string]: Json;
}

/** A request before it is encoded. */
export interface MessageDraft {
  method: string;
  path: string;
  headers: [name: string, value: string][];
  message: Json;
  /** Sent as a batch of this many. */
  times?: number;
}

const META = 'io.modelcontextprotocol/';
const NAMED: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
  'tasks/get': 'taskId',
  'tasks/update': 'taskId',
  'tasks/cancel': 'taskId',
};

type Template = (facts: McpFacts, random: Random) => { method: string; params: JsonMap };
const templates: readonly [Template, ...Template[]] = [
  () => ({ method: 'tools/list', params: {} }),
  () => ({ method: 'resources/list', params: {} }),
  () => ({ method: 'resources/templates/list', params: {} }),
  () => ({ method: 'prompts/list', params: {} }),
  ...Array<Template>(6).fill((facts, random) => ({
    method: 'tools/call',
    params: {
      name: random.pick(facts.tools),
      arguments: { prompt: 'p', message: 'm', region: 'eu', chunks: 1, uri: 'test://watched-resource' },
    },
  })),
  (facts, random) => ({ method: 'resources/read', params: { uri: random.pick(facts.resources) } }),
  (facts, random) => ({
    method: 'prompts/get',
    params: { name: random.pick(facts.prompts), arguments: { arg1: 'a', arg2: 'b', resourceUri: 'test://x' } },
  }),
  (facts, random) => ({
    method: 'completion/complete',
    params: { ref: { type: 'ref/prompt', name: random.pick(facts.prompts) }, argument: { name: 'arg1', value: 'p' } },
  }),
  () => ({ method: 'server/discover', params: {} }),
  () => ({ method: 'ping', params: {} }),
  () => ({ method: 'logging/setLevel', params: { level: 'info' } }),
  (facts, random) => ({
    method: random.pick(['resources/subscribe', 'resources/unsubscribe']),
    params: { uri: random.pick(facts.resources) },
  }),
  (_facts, random) => ({
    method: 'initialize',
    params: {
      protocolVersion: random.pick(['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05']),
      capabilities: { elicitation: { url: {}, form: {} }, sampling: {}, roots: {} },
      clientInfo: { name: 'fuzz', version: '1' },
    },
  }),
  (facts) => ({
    method: 'subscriptions/listen',
    params: {
      notifications: {
        toolsListChanged: true,
        resourceSubscriptions: ['test://watched-resource'],
        taskIds: [facts.taskId, 'none'],
      },
    },
  }),
  (facts, random) => ({
    method: random.pick(['tasks/get', 'tasks/update', 'tasks/cancel']),
    params: {
      taskId: random.pick([facts.taskId, 'none']),
      inputResponses: { name: { action: 'accept', content: { name: 'x' } } },
    },
  }),
  (facts, random) => ({
    method: 'tools/call',
    params: {
      name: random.pick(facts.tools),
      requestState: 'AAAA',
      inputResponses: { user_name: { action: 'accept', content: { name: 'x' } } },
    },
  }),
];

/** A message of either era a client might really send. */
export function validMessage(facts: McpFacts, random: Random): MessageDraft {
  const { method, params } = random.pick(templates)(facts, random);
  const headers: MessageDraft['headers'] = [
    ['authorization', `Bearer ${facts.token}`],
    ['content-type', 'application/json'],
    ['accept', 'application/json, text/event-stream'],
  ];
  if (random.oneIn(25))
    return {
      method: 'DELETE',
      path: '/mcp',
      headers: [...headers, ['mcp-session-id', random.oneIn(2) ? facts.sessionId : 'none']],
      message: null,
    };
  if (random.oneIn(2) && method !== 'initialize' && method !== 'ping') {
    const name = NAMED[method] === undefined ? undefined : params[NAMED[method]];
    headers.push(
      ['mcp-protocol-version', '2026-07-28'],
      ['mcp-method', method],
      ...(typeof name === 'string' ? [['mcp-name', name] as [string, string]] : []),
    );
    const _meta = {
      [`${META}protocolVersion`]: '2026-07-28',
      [`${META}clientCapabilities`]: random.oneIn(2)
        ? {}
        : { elicitation: { form: {}, url: {} }, sampling: {}, roots: {}, extensions: { [`${META}tasks`]: {} } },
      [`${META}clientInfo`]: { name: 'fuzz', version: '1' },
    };
    return {
      method: 'POST',
      path: '/mcp',
      headers,
      message: { jsonrpc: '2.0', id: random.below(1e6), method, params: { ...params, _meta } },
    };
  }
  if (method !== 'initialize' && random.oneIn(2)) headers.push(['mcp-session-id', facts.sessionId]);
  if (random.oneIn(2)) headers.push(['mcp-protocol-version', random.pick(['2025-11-25', '2025-06-18', '2025-03-26'])]);
  const request: JsonMap = { jsonrpc: '2.0', id: random.below(1e6), method, params };
  if (random.oneIn(12)) delete request['id'];
  if (random.oneIn(15))
    return {
      method: 'POST',
      path: '/mcp',
      headers,
      message: { jsonrpc: '2.0', id: random.below(100), result: { action: 'accept' } },
    };
  return {
    method: 'POST',
    path: '/mcp',
    headers,
    message: random.oneIn(8)
      ? [request, { jsonrpc: '2.0', method: 'notifications/initialized' }, { ...structuredClone(request), id: 'b' }]
      : request,
  };
}
