import { describe, expect, test } from 'vitest';
import { InboundHeaders } from './exchange.js';
import { classifyMessage } from './classify-message.js';

const META = 'io.modelcontextprotocol/';
const envelope = { [`${META}protocolVersion`]: '2026-07-28', [`${META}clientCapabilities`]: {} };
const modernHeaders = (method: string, more: Record<string, string> = {}) => ({
  'MCP-Protocol-Version': '2026-07-28',
  'Mcp-Method': method,
  ...more,
});
const headersOf = (headers: Record<string, string>) => new InboundHeaders(Object.entries(headers).flat());
const classify = (
  body: unknown,
  headers: Record<string, string> = {},
  session = (id: string) =>
    id === 'mine'
      ? { id: 'mss_1', version: '2025-06-18', abilities: new Set(['url'] as const), expiresAt: 2_000_000_000 }
      : undefined,
) => classifyMessage(body, headersOf(headers), session);
const request = (method: string, params: object = {}) => ({ jsonrpc: '2.0', id: 1, method, params });
const modern = (method: string, params: object = {}, meta: object = envelope) =>
  request(method, { ...params, _meta: meta });

describe('a modern request', () => {
  test('is one by its envelope, with what later steps need', () => {
    const capable = { ...envelope, [`${META}clientCapabilities`]: { elicitation: { url: {} } } };
    expect(
      classify(
        modern('tools/call', { name: 'a', arguments: { x: 1 }, requestState: 's', inputResponses: {} }, capable),
        modernHeaders('tools/call', { 'Mcp-Name': 'a' }),
      ),
    ).toEqual({
      type: 'request',
      request: {
        era: 'modern',
        version: '2026-07-28',
        id: 1,
        method: 'tools/call',
        operation: { type: 'call', name: 'a', arguments: { x: 1 } },
        meta: capable,
        abilities: new Set(['url']),
        logLevel: undefined,
        session: undefined,
        retry: { requestState: 's', responses: {} },
      },
    });
  });
  test('may encode its name in the header', () => {
    expect(
      classify(modern('tools/call', { name: 'ä' }), modernHeaders('tools/call', { 'Mcp-Name': '=?base64?w6Q=?=' })),
    ).toMatchObject({ type: 'request' });
  });
  test.each<[string, unknown, Record<string, string>, string]>([
    ['without the envelope but with the header', request('tools/list'), modernHeaders('tools/list'), 'envelope'],
    [
      'without capabilities',
      modern('tools/list', {}, { [`${META}protocolVersion`]: '2026-07-28' }),
      modernHeaders('tools/list'),
      'envelope',
    ],
    ['without the version header', modern('tools/list'), { 'mcp-method': 'tools/list' }, 'header-mismatch'],
    [
      'with another version header',
      modern('tools/list'),
      { ...modernHeaders('tools/list'), 'MCP-Protocol-Version': '2025-11-25' },
      'header-mismatch',
    ],
    ['without the method header', modern('tools/list'), { 'MCP-Protocol-Version': '2026-07-28' }, 'header-mismatch'],
    ['with another method header', modern('tools/list'), modernHeaders('tools/call'), 'header-mismatch'],
    ['without the name header', modern('tools/call', { name: 'a' }), modernHeaders('tools/call'), 'header-mismatch'],
    [
      'with another name header',
      modern('tools/call', { name: 'a' }),
      modernHeaders('tools/call', { 'Mcp-Name': 'b' }),
      'header-mismatch',
    ],
    [
      'with a badly encoded name header',
      modern('tools/call', { name: 'a' }),
      modernHeaders('tools/call', { 'Mcp-Name': '=?base64?!?=' }),
      'header-mismatch',
    ],
    [
      'of a version to come',
      modern('tools/list', {}, { ...envelope, [`${META}protocolVersion`]: '2030-01-01' }),
      { ...modernHeaders('tools/list'), 'MCP-Protocol-Version': '2030-01-01' },
      'unsupported-version',
    ],
    ['that initializes', modern('initialize'), modernHeaders('initialize'), 'unknown-method'],
    ['that pings', modern('ping'), modernHeaders('ping'), 'unknown-method'],
    ['for what we do not relay', modern('nonsense/list'), modernHeaders('nonsense/list'), 'unknown-method'],
    [
      'that sets a log level for good',
      modern('logging/setLevel', { level: 'info' }),
      modernHeaders('logging/setLevel'),
      'unknown-method',
    ],
    [
      'with a log level nobody knows',
      modern('tools/list', {}, { ...envelope, [`${META}logLevel`]: 'loud' }),
      modernHeaders('tools/list'),
      'envelope',
    ],
    [
      'for a prompt under another name',
      modern('prompts/get', { name: 'a' }),
      modernHeaders('prompts/get', { 'Mcp-Name': 'b' }),
      'header-mismatch',
    ],
    [
      'for a prompt with arguments that are no text',
      modern('prompts/get', { name: 'a', arguments: { x: 1 } }),
      modernHeaders('prompts/get', { 'Mcp-Name': 'a' }),
      'invalid-params',
    ],
    [
      'to complete nothing',
      modern('completion/complete', { ref: { type: 'ref/other' }, argument: { name: 'a', value: '' } }),
      modernHeaders('completion/complete'),
      'invalid-params',
    ],
    [
      'with arguments that are no object',
      modern('tools/call', { name: 'a', arguments: [] }),
      modernHeaders('tools/call', { 'Mcp-Name': 'a' }),
      'invalid-params',
    ],
    [
      'with a cursor that is not ours',
      modern('tools/list', { cursor: 7 }),
      modernHeaders('tools/list'),
      'invalid-params',
    ],
    [
      'with request state that is no text',
      modern('tools/call', { name: 'a', requestState: 1 }),
      modernHeaders('tools/call', { 'Mcp-Name': 'a' }),
      'invalid-params',
    ],
  ])('%s is refused', (_what, body, headers, refused) => {
    expect(classify(body, headers)).toMatchObject({ type: refused });
  });
});

describe('a legacy request', () => {
  test('is one without envelope, and carries what its session said', () => {
    expect(classify(request('tools/list'), { 'Mcp-Session-Id': 'mine' })).toMatchObject({
      type: 'request',
      request: {
        era: 'legacy',
        version: '2025-06-18',
        abilities: new Set(['url']),
        session: { id: 'mss_1' },
        operation: { type: 'list', what: 'tools' },
      },
    });
    expect(classify(request('ping'), { 'MCP-Protocol-Version': '2025-11-25' })).toMatchObject({
      type: 'request',
      request: { era: 'legacy', version: '2025-11-25', abilities: new Set() },
    });
    // 2025-06-18, transports: without a header and a session the version is taken to be 2025-03-26.
    expect(classify(request('ping'))).toMatchObject({ request: { version: '2025-03-26', logLevel: 'info' } });
  });
  test('that initializes says what the client can', () => {
    expect(
      classify(request('initialize', { protocolVersion: '2025-11-25', capabilities: { elicitation: { url: {} } } }), {
        'Mcp-Session-Id': 'ignored',
      }),
    ).toMatchObject({
      request: { operation: { type: 'initialize', requestedVersion: '2025-11-25' }, abilities: new Set(['url']) },
    });
  });
  test.each<[string, unknown, Record<string, string>, string]>([
    ['with a session that is not there', request('tools/list'), { 'Mcp-Session-Id': 'other' }, 'session-not-found'],
    ['of a version nobody speaks', request('tools/list'), { 'MCP-Protocol-Version': '1999-01-01' }, 'invalid-request'],
    [
      'that initializes under a modern header',
      request('initialize', { protocolVersion: '2025-11-25', capabilities: {} }),
      { 'MCP-Protocol-Version': '2026-07-28' },
      'header-mismatch',
    ],
    ['that discovers', request('server/discover'), {}, 'unknown-method'],
    ['in a batch', [request('ping')], {}, 'invalid-request'],
  ])('%s is refused', (_what, body, headers, refused) => {
    expect(classify(body, headers)).toMatchObject({ type: refused });
  });
});

describe('other messages', () => {
  test('notifications and answers are accepted', () => {
    expect(classify({ jsonrpc: '2.0', method: 'notifications/initialized' })).toEqual({
      type: 'accepted',
      method: 'notifications/initialized',
      era: 'legacy',
    });
    expect(
      classify(
        { jsonrpc: '2.0', method: 'notifications/cancelled' },
        { 'MCP-Protocol-Version': '2026-07-28', 'Mcp-Method': 'notifications/cancelled' },
      ),
    ).toMatchObject({ type: 'accepted', era: 'modern' });
    expect(classify({ jsonrpc: '2.0', id: 'q', result: {} }, { 'Mcp-Session-Id': 'mine' })).toEqual({
      type: 'answer',
      id: 'q',
      answer: { result: {} },
      sessionId: 'mss_1',
    });
    expect(classify({ jsonrpc: '2.0', id: 'q', error: { code: 1 } }, { 'Mcp-Session-Id': 'other' })).toEqual({
      type: 'answer',
      id: 'q',
      answer: { error: { code: 1 } },
      sessionId: undefined,
    });
    expect(
      classify(
        { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 3 } },
        { 'Mcp-Session-Id': 'mine' },
      ),
    ).toEqual({ type: 'cancelled', method: 'notifications/cancelled', requestId: 3, sessionId: 'mss_1' });
    expect(classify({ jsonrpc: '2.0', method: 'a' }, modernHeaders('b'))).toMatchObject({ type: 'header-mismatch' });
  });
  test.each([
    null,
    1,
    'x',
    {},
    { jsonrpc: '1.0', id: 1, method: 'ping' },
    { jsonrpc: '2.0', id: null, method: 'ping' },
    { jsonrpc: '2.0', id: 1.5, method: 'ping' },
    { jsonrpc: '2.0', id: 1, method: 7 },
    { jsonrpc: '2.0', id: 1, method: 'ping', params: [] },
    { jsonrpc: '2.0', id: 1 },
  ])('%j is no message', (body) => {
    expect(classify(body)).toMatchObject({ type: 'invalid-request' });
  });
});
