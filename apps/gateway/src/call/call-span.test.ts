import type { CallRecord } from '@sallyport/messages';
import type { Span, SpanAttributes, SpanStart, Tracer } from '@sallyport/telemetry';
import { expect, test } from 'vitest';
import type { ClientRequest } from '../protocol/client-message.js';
import { InboundHeaders } from '../protocol/exchange.js';
import { createCallTracing, endCallSpan } from './call-span.js';

const IN_META = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
const IN_HTTP = `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`;

function recorded() {
  const told: { start?: SpanStart; set: SpanAttributes; failed?: string; ended: number } = { set: {}, ended: 0 };
  const span: Span = {
    traceId: '',
    traceparent: '',
    run: (work) => work(),
    set: (attributes) => void Object.assign(told.set, attributes),
    fail: (errorType) => void (told.failed = errorType),
    end: () => void told.ended++,
  };
  const tracer: Tracer = {
    start: (start) => {
      told.start = start;
      return span;
    },
    isInSpan: () => true,
  };
  return { told, span, tracer };
}

const request = (
  operation: ClientRequest['operation'],
  method: string,
  meta?: ClientRequest['meta'],
): ClientRequest => ({
  era: 'modern',
  version: '2026-07-28',
  id: 7,
  method,
  operation,
  meta,
  abilities: new Set(),
  logLevel: undefined,
  session: undefined,
  retry: { requestState: undefined, responses: undefined },
});
const inbound = (headers: readonly string[]) => ({ headers: new InboundHeaders(headers), sourceIp: '192.0.2.7' });

test.each([
  ['in _meta, that of HTTP is a link', IN_META, ['traceparent', IN_HTTP], { parent: IN_META, link: IN_HTTP }],
  ['in HTTP alone, it is the parent', undefined, ['traceparent', IN_HTTP], { parent: IN_HTTP, link: undefined }],
  ['nowhere, there is none', undefined, [], { parent: undefined, link: undefined }],
])('the context of a call: %s', (_where, traceparent, headers, expected) => {
  const { told, tracer } = recorded();
  const meta = traceparent === undefined ? undefined : { traceparent };
  createCallTracing(tracer, 'https://gateway.example')(inbound(headers), request({ type: 'ping' }, 'ping', meta));
  expect(told.start).toMatchObject(expected);
});

test.each([
  [{ type: 'call', name: 'notes__add', arguments: {} }, 'tools/call', 'tools/call notes__add'],
  [{ type: 'prompt', name: 'notes__sum', arguments: {} }, 'prompts/get', 'prompts/get notes__sum'],
  [{ type: 'read', uri: 'notes://secret' }, 'resources/read', 'resources/read'],
] as const)(
  'a span is named after the method and what has a name, never after a URI: %j',
  (operation, method, name) => {
    const { told, tracer } = recorded();
    createCallTracing(tracer, 'https://gateway.example')(inbound([]), request(operation, method));
    expect(told.start?.name).toBe(name);
    expect(told.start?.attributes).toMatchObject({ 'server.address': 'gateway.example', 'server.port': 443 });
    expect(JSON.stringify(told.start)).not.toContain('secret');
  },
);

const record = (facts: Partial<CallRecord>): CallRecord => ({
  v: 1,
  type: 'mcp.call',
  id: 'evt_1',
  replica: 'gateway-1',
  receivedAt: 1,
  durationMs: 1,
  httpStatus: 200,
  decision: 'allow',
  userId: 'usr_1',
  ...facts,
});

test.each([-32_700, -32_600, -32_601, -32_602, -32_002])('%d is no error of ours', (errorCode) => {
  const { told, span } = recorded();
  endCallSpan(span, record({ errorCode }));
  expect(told).toMatchObject({ ended: 1, set: { 'rpc.response.status_code': String(errorCode) } });
  expect(told.failed).toBeUndefined();
});

test.each([
  ['an error', { errorCode: -32_603 }, '-32603'],
  ['a tool that failed', { isToolError: true }, 'tool_error'],
  ['a call whose client went away', { reason: 'client_gone' }, 'client_gone'],
  ['what broke', { decision: 'invalid', reason: 'internal_error' }, 'internal_error'],
] as const)('%s is one', (_what, facts, errorType) => {
  const { told, span } = recorded();
  endCallSpan(span, record(facts));
  expect(told).toMatchObject({ failed: errorType, ended: 1 });
});

test('a span says what was decided and by which policies, and never who the user is', () => {
  const { told, span } = recorded();
  const policies = { clientToGateway: 'pol-a', gatewayToServer: null };
  endCallSpan(span, record({ decision: 'deny', clientId: 'agent', server: 'notes', policies, sid: 'ses_1' }));
  expect(told.set).toEqual({
    'sallyport.server': 'notes',
    'sallyport.agent.id': 'agent',
    'sallyport.decision': 'deny',
    'sallyport.policy.id': ['pol-a'],
  });
});
