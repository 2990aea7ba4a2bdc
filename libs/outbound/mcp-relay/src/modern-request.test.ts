import { expect, test } from 'vitest';
import { modernRequest } from './modern-request.js';
import { legacyRequest } from './legacy-request.js';

const parts = {
  id: 7,
  method: 'tools/call',
  params: { name: 'täst', arguments: {} },
  clientInfo: { name: 'sallyport', version: '1' },
  clientCapabilities: {},
  name: 'täst',
  parameterHeaders: { 'mcp-param-a': '1' },
};
const meta = {
  progressToken: 3,
  'vendor/key': 1,
  traceparent: 't',
  tracestate: 's',
  baggage: 'b',
  'io.modelcontextprotocol/clientInfo': { name: 'agent' },
  'io.modelcontextprotocol/clientCapabilities': { sampling: {} },
  'io.modelcontextprotocol/logLevel': 'debug',
};

test('a modern request is ours: reserved keys replaced, trace state and baggage dropped, names encoded (S10) (S30)', () => {
  const { headers, body } = modernRequest({ ...parts, meta, logLevel: 'info' });
  expect(headers).toEqual({
    'mcp-param-a': '1',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': 'tools/call',
    'mcp-name': '=?base64?dMOkc3Q=?=',
  });
  expect(JSON.parse(body)).toEqual({
    jsonrpc: '2.0',
    id: 7,
    method: 'tools/call',
    params: {
      name: 'täst',
      arguments: {},
      _meta: {
        progressToken: 3,
        'vendor/key': 1,
        traceparent: 't',
        'io.modelcontextprotocol/logLevel': 'info',
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientInfo': { name: 'sallyport', version: '1' },
        'io.modelcontextprotocol/clientCapabilities': {},
      },
    },
  });
});
test('a legacy request carries nothing of the new era', () => {
  expect(
    JSON.parse(
      legacyRequest({
        id: 1,
        method: 'tools/call',
        params: { name: 'a', requestState: 's', inputResponses: {} },
        meta,
      }),
    ),
  ).toEqual({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'a', _meta: { progressToken: 3, 'vendor/key': 1, traceparent: 't' } },
  });
  expect(JSON.parse(legacyRequest({ id: 1, method: 'tools/list', params: {}, meta: undefined }))).toEqual({
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/list',
    params: {},
  });
});

test("the trace it is asked in stands in the place of the caller's, in _meta and in a header, in both eras", () => {
  const ours = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  const client = { jsonrpc: '2.0', id: 7, method: 'tools/call', params: { name: 'täst', arguments: {}, _meta: meta } };
  const source = { json: JSON.stringify(client), value: client };
  const { headers, body } = modernRequest({ ...parts, meta, source, traceparent: ours });
  expect(headers['traceparent']).toBe(ours);
  expect(JSON.parse(body).params._meta).toMatchObject({ traceparent: ours, 'vendor/key': 1 });
  const legacy = legacyRequest({ ...parts, meta: undefined, traceparent: ours });
  expect(JSON.parse(legacy).params._meta).toEqual({ traceparent: ours });
  const inWords = { arguments: '{"large": 12345678901234567890}' };
  const inTexts = legacyRequest({ ...parts, meta: undefined, texts: inWords, traceparent: ours });
  expect(inTexts).toContain('12345678901234567890');
  expect(JSON.parse(inTexts).params._meta).toEqual({ traceparent: ours });
});
