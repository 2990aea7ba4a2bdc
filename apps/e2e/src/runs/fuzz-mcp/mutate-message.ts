import type { Random } from '../fuzz/random.js';
import type { McpFacts } from './mcp-case.js';
import type { Json, JsonMap, MessageDraft } from './valid-message.js';

const VALUES: readonly [Json, ...Json[]] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  9_007_199_254_740_991,
  '',
  ' ',
  'x',
  '\u0000',
  '\ud800',
  '\u202e',
  '💥',
  '__proto__',
  'constructor',
  '2.0',
  '1.0',
  '2026-07-28',
  '2025-03-26',
  '1999-01-01',
  'tools/call',
  'initialize',
  'ping',
  'notifications/cancelled',
  'rpc.discover',
  '../../etc/passwd',
  'test://static-text',
  'via-modern+test://static-text',
  'file:///etc/passwd',
  'http://169.254.169.254/',
  'modern__test_simple_text',
  'test_simple_text',
  'legacy__',
  '__',
  [],
  {},
  [[]],
  [null],
  { a: 1 },
  { toString: 1 },
  { $ref: '#' },
  'eyJhbGciOiJub25lIn0.e30.',
  '=?base64?!!?=',
  'x'.repeat(300),
  'é'.repeat(9_000),
];
const KEYS: readonly [string, ...string[]] = [
  'jsonrpc',
  'id',
  'method',
  'params',
  'result',
  'error',
  '_meta',
  'name',
  'arguments',
  'uri',
  'cursor',
  'task',
  'requestState',
  'inputResponses',
  'inputRequests',
  'resultType',
  'progressToken',
  'level',
  'ref',
  '__proto__',
  'constructor',
  'toString',
  '',
  'x',
  'Method',
  'METHOD',
  'io.modelcontextprotocol/protocolVersion',
  'io.modelcontextprotocol/clientCapabilities',
  'io.modelcontextprotocol/logLevel',
  'io.modelcontextprotocol/clientInfo',
  'traceparent',
  'tracestate',
  'baggage',
  'x'.repeat(500),
];

/** A value of its own: later changes may go into it. */
const someValue = (random: Random): Json => structuredClone(random.pick(VALUES));

type Change = (draft: MessageDraft, random: Random, facts: McpFacts) => void;

/** An object or array somewhere in the message; the message itself when it is neither. */
function someNode(root: Json, random: Random): JsonMap | Json[] | undefined {
  const nodes: (JsonMap | Json[])[] = [];
  const walk = (value: Json): void => {
    if (value === null || typeof value !== 'object') return;
    nodes.push(value);
    for (const child of Object.values(value)) walk(child);
  };
  walk(root);
  return nodes[random.below(nodes.length || 1)];
}

const set = (node: JsonMap | Json[], key: string, value: Json): void => {
  if (Array.isArray(node)) node.push(value);
  else Object.defineProperty(node, key, { value, enumerable: true, configurable: true, writable: true });
};
const someKey = (node: JsonMap | Json[], random: Random): string =>
  Object.keys(node)[random.below(Object.keys(node).length || 1)] ?? 'x';
const onNode =
  (change: (node: JsonMap | Json[], random: Random, facts: McpFacts) => void): Change =>
  (draft, random, facts) => {
    const node = someNode(draft.message, random);
    if (node === undefined) draft.message = someValue(random);
    else change(node, random, facts);
  };
const nested = (depth: number): Json => {
  let value: Json = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { x: value };
  return value;
};

const onMessage: readonly [Change, ...Change[]] = [
  onNode((node, random) => set(node, someKey(node, random), someValue(random))),
  onNode((node, random) => set(node, someKey(node, random), someValue(random))),
  onNode((node, random) => set(node, random.pick(KEYS), someValue(random))),
  onNode((node, random) => (Array.isArray(node) ? void node.pop() : void delete node[someKey(node, random)])),
  onNode((node, random) => set(node, random.pick(KEYS), nested(random.pick([3, 60, 900])))),
  onNode((node, random) => set(node, someKey(node, random), 'x'.repeat(random.pick([1_000, 60_000, 400_000])))),
  onNode((node, random) =>
    set(
      node,
      someKey(node, random),
      Object.fromEntries(Array.from({ length: random.pick([10, 3_000]) }, (_none, index) => [`k${index}`, index])),
    ),
  ),
  (draft, random) => void (draft.message = random.pick<Json>([[draft.message], [], { params: draft.message }])),
  (draft, random) => void (draft.times = random.pick([2, 50, 2_000])),
];

const header =
  (name: string, ...values: [string, ...string[]]): Change =>
  (draft, random) => {
    if (!random.oneIn(4)) draft.headers = draft.headers.filter(([present]) => present !== name);
    draft.headers.push([name, random.pick(values)]);
  };
const onHeaders: readonly [Change, ...Change[]] = [
  header(
    'mcp-protocol-version',
    '2026-07-28',
    '2025-11-25',
    '2025-03-26',
    '2030-01-01',
    '',
    'x',
    '2026-07-28, 2025-11-25',
  ),
  header('mcp-method', 'tools/call', 'tools/list', 'TOOLS/LIST', '', '=?base64?dG9vbHMvbGlzdA==?='),
  header(
    'mcp-name',
    'modern__test_simple_text',
    '=?base64?!!!?=',
    '',
    '=?base64?bW9kZXJuX190ZXN0X3NpbXBsZV90ZXh0?=',
    'é',
    'x'.repeat(4_000),
  ),
  header('mcp-param-region', 'eu', 'us', '=?base64?ZXU=?=', '=?base64?Z?='),
  header('mcp-session-id', 'none', '', 'A'.repeat(900), '../../x'),
  header(
    'content-type',
    'application/json; charset=utf-8',
    'text/plain',
    'application/json, text/html',
    'application/x-www-form-urlencoded',
    '',
    'application/json;charset=utf-16',
  ),
  header('content-encoding', 'gzip', 'identity', 'br'),
  header('accept', '*/*', 'text/html', 'application/json', '', 'text/event-stream;q=0'),
  header('origin', 'https://evil.example', 'null', 'http://127.0.0.1:1'),
  header('host', 'evil.example', 'localhost', '127.0.0.1:1', ''),
  header('x-padding', 'x'.repeat(9_000), 'x'.repeat(30_000)),
  header('last-event-id', '1', 'x'),
  header('traceparent', '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'x'),
  (draft, random, facts) =>
    void (draft.headers = [
      ...draft.headers.filter(([name]) => name !== 'authorization'),
      [
        'authorization',
        random.pick([
          'Bearer',
          'Bearer x',
          'Bearer a.b.c',
          `bearer ${facts.token}`,
          `Bearer ${facts.token}x`,
          `Bearer ${facts.revokedToken}`,
          `DPoP ${facts.token}`,
          `Basic ${facts.token}`,
          `Bearer ${'A'.repeat(9_000)}`,
        ]),
      ],
    ]),
  (draft, random, facts) =>
    void draft.headers.push(['authorization', random.pick([`Bearer ${facts.token}`, 'Bearer x'])]),
  (draft, random) => void draft.headers.splice(random.below(draft.headers.length || 1), 1),
];

const onTheWhole: readonly [Change, ...Change[]] = [
  (draft, random) => void (draft.method = random.pick(['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH'])),
  (draft, random) =>
    void (draft.path = random.pick([
      '/mcp/modern',
      '/mcp/legacy',
      '/mcp/nobody',
      '/mcp/',
      '//mcp',
      '/mcp?x=y',
      '/mcp/..%2f',
      '/%6dcp',
      '/mcp/modern/x',
      `/mcp/${'a'.repeat(2_000)}`,
      '/MCP',
    ])),
];

/** One to three changes, most of them to the message. */
export function mutateMessage(draft: MessageDraft, random: Random, facts: McpFacts): void {
  for (let count = random.below(4); count > 0; count--) {
    const among = random.below(10);
    random.pick(among < 6 ? onMessage : among < 9 ? onHeaders : onTheWhole)(draft, random, facts);
  }
}
