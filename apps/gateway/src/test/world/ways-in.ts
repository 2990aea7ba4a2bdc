import type { ClientMessage, Operation } from '../../protocol/client-message.js';
import { modernRequest } from './by-hand.js';

/** One way an agent gets into the gateway, as it is sent. */
export interface WayIn {
  readonly method: 'POST' | 'DELETE' | 'GET';
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** What the record calls it. */
  readonly recorded?: string | undefined;
  /** The caller waits for an answer to this very message. */
  readonly isRequest: boolean;
}

type Kind = Operation['type'] | Exclude<ClientMessage['type'], 'request'> | 'end-session' | 'stream';

const modern = (method: string, params: Record<string, unknown> = {}): WayIn => ({
  method: 'POST',
  ...modernRequest(method, params),
  recorded: method,
  isRequest: true,
});
const legacy = (method: string, params: Record<string, unknown> = {}): WayIn => ({
  method: 'POST',
  body: { jsonrpc: '2.0', id: 7, method, params },
  recorded: method,
  isRequest: true,
});
const told = (method: string, params: Record<string, unknown> = {}, headers: Record<string, string> = {}): WayIn => ({
  method: 'POST',
  body: { jsonrpc: '2.0', method, params },
  headers,
  recorded: method,
  isRequest: false,
});
const answer = (body: object): WayIn => ({
  method: 'POST',
  body: { jsonrpc: '2.0', id: 'some question', ...body },
  recorded: undefined,
  isRequest: false,
});
const both = (method: string, params: Record<string, unknown> = {}) => ({
  [method]: modern(method, params),
  [`${method}, 2025-11-25`]: legacy(method, params),
});
const task = (method: string, more: object = {}) => ({
  [method]: modern(method, {
    taskId: 'task',
    ...more,
    _meta: { 'io.modelcontextprotocol/clientCapabilities': { extensions: { 'io.modelcontextprotocol/tasks': {} } } },
  }),
});

/**
 * Every way in, by what it is taken for: a new operation or kind of message has no place here until it is written down,
 * and `ways-in.int.test.ts` walks them all past the same rules.
 */
const BY_KIND: Record<Kind, Record<string, WayIn>> = {
  discover: { 'server/discover': modern('server/discover') },
  initialize: {
    initialize: legacy('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'a', version: '1' },
    }),
  },
  ping: { ping: legacy('ping') },
  'set-log-level': { 'logging/setLevel': legacy('logging/setLevel', { level: 'debug' }) },
  list: {
    ...both('tools/list'),
    ...both('prompts/list'),
    ...both('resources/list'),
    ...both('resources/templates/list'),
  },
  call: {
    ...both('tools/call', { name: 'notes__whoami', arguments: {} }),
    'tools/call, again with answers': modern('tools/call', {
      name: 'notes__whoami',
      arguments: {},
      inputResponses: {},
      requestState: 'ours',
    }),
  },
  prompt: both('prompts/get', { name: 'notes__greet' }),
  read: both('resources/read', { uri: 'via-notes+note://mine' }),
  complete: both('completion/complete', {
    ref: { type: 'ref/prompt', name: 'notes__greet' },
    argument: { name: 'a', value: 'b' },
  }),
  subscribe: { 'resources/subscribe': legacy('resources/subscribe', { uri: 'via-notes+note://mine' }) },
  unsubscribe: { 'resources/unsubscribe': legacy('resources/unsubscribe', { uri: 'via-notes+note://mine' }) },
  listen: { 'subscriptions/listen': modern('subscriptions/listen', { notifications: {} }) },
  task: { ...task('tasks/get'), ...task('tasks/update', { inputResponses: {} }), ...task('tasks/cancel') },
  answer: {
    'an answer to a question': answer({ result: {} }),
    'an error in answer to a question': answer({ error: { code: 1, message: 'no' } }),
  },
  cancelled: { 'notifications/cancelled': told('notifications/cancelled', { requestId: 7 }) },
  accepted: {
    'notifications/initialized': told('notifications/initialized'),
    'notifications/roots/list_changed': told('notifications/roots/list_changed'),
    'notifications/progress': told('notifications/progress', { progressToken: 1, progress: 1 }),
    'notifications/cancelled, 2026-07-28': told(
      'notifications/cancelled',
      { requestId: 7 },
      { 'mcp-protocol-version': '2026-07-28' },
    ),
    'an unknown notification': told('notifications/of-tomorrow'),
  },
  'end-session': {
    DELETE: { method: 'DELETE', headers: { 'mcp-session-id': 'some session' }, recorded: 'DELETE', isRequest: false },
  },
  stream: { GET: { method: 'GET', recorded: undefined, isRequest: false } },
};

const alone = Object.assign({}, ...Object.values(BY_KIND)) as Record<string, WayIn>;
const isElement = ([, { method, headers = {}, recorded }]: [string, WayIn]): boolean =>
  method === 'POST' && headers['mcp-protocol-version'] === undefined && recorded !== 'initialize';
/** The older ones once more, as the only element of a batch of 2025-03-26. */
const inBatches = Object.fromEntries(
  Object.entries(alone)
    .filter(isElement)
    .map(([name, way]) => [
      `${name}, in a batch`,
      { ...way, body: [way.body], headers: { 'mcp-protocol-version': '2025-03-26' } },
    ]),
);

export const WAYS_IN: Readonly<Record<string, WayIn>> = { ...alone, ...inBatches };
