import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { judgeMcpAnswer } from './judge-mcp-answer.js';
import { makeMcpCase } from './make-mcp-case.js';
import type { McpCase, McpFacts } from './mcp-case.js';
import type { McpAnswer } from './send-mcp-case.js';

const facts: McpFacts = {
  token: 'token-of-the-agent',
  revokedToken: 'revoked',
  sessionId: 'session-of-the-agent',
  taskId: 'task-of-the-agent',
  tools: ['modern__one', 'legacy__two'],
  resources: ['via-modern+test://one'],
  prompts: ['modern__prompt'],
};

describe('a case', () => {
  test('is the same for the same seed and index, whatever ran before it', () => {
    const made = (index: number): string => {
      const { body, ...rest } = makeMcpCase(11, index, facts);
      return createHash('sha256').update(body).update(JSON.stringify(rest)).digest('hex');
    };
    const once = Array.from({ length: 500 }, (_none, index) => made(index));
    expect(made(250)).toBe(once[250]);
    expect(Array.from({ length: 500 }, (_none, index) => made(index))).toEqual(once);
    expect(new Set(once).size).toBeGreaterThan(400);
  });

  test('has pieces that make up its body, and some are cut short', () => {
    const cases = Array.from({ length: 2_000 }, (_none, index) => makeMcpCase(12, index, facts));
    for (const { body, pieces } of cases) expect(pieces.reduce((sum, size) => sum + size, 0)).toBe(body.length);
    expect(cases.filter(({ pieces }) => pieces.length > 1).length).toBeGreaterThan(100);
    expect(cases.filter(({ cutAfter }) => cutAfter !== undefined).length).toBeGreaterThan(50);
  });
});

describe('an answer', () => {
  const sent: McpCase = {
    method: 'POST',
    path: '/mcp',
    headers: [],
    body: Buffer.from('{}'),
    pieces: [2],
    cutAfter: undefined,
  };
  const answered = (
    status: number,
    body = '',
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ): McpAnswer => ({ type: 'answered', status, body, headers: new Map(Object.entries(headers)) });
  const judge = (answer: McpAnswer, changes: Partial<McpCase> = {}) =>
    judgeMcpAnswer({ ...sent, ...changes }, answer, facts);
  const stream = { 'content-type': 'text/event-stream' };

  test('that is JSON-RPC, a stream of it, or a refusal of HTTP is accepted', () => {
    expect(judge(answered(200, '{"jsonrpc":"2.0","id":1,"result":{}}'))).toBeUndefined();
    expect(
      judge(
        answered(
          200,
          'data: {"jsonrpc":"2.0","method":"notifications/progress"}\n\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n',
          stream,
        ),
      ),
    ).toBeUndefined();
    expect(
      judge(answered(404, '{"title":"Not Found"}', { 'content-type': 'application/problem+json' })),
    ).toBeUndefined();
    expect(judge({ type: 'closed' }, { cutAfter: 1 })).toBeUndefined();
  });

  test.each<[string, McpAnswer]>([
    ['a server error', answered(503)],
    ['silence', { type: 'timed-out' }],
    ['a closed connection', { type: 'closed' }],
    ['something else than JSON', answered(200, 'hello')],
    ['JSON that is no message', answered(200, '{"ok":true}')],
    ['both a result and an error', answered(200, '{"jsonrpc":"2.0","id":1,"result":{},"error":{}}')],
    ['a stack trace', answered(400, '{"jsonrpc":"2.0","id":1,"error":{"message":"TypeError: x"}}')],
    ['the token', answered(400, `{"jsonrpc":"2.0","id":1,"error":{"message":"${facts.token}"}}`)],
    [
      'a cookie',
      answered(200, '{"jsonrpc":"2.0","id":1,"result":{}}', {
        'content-type': 'application/json',
        'set-cookie': 'a=b',
      }),
    ],
    ['a redirect', answered(302, '', { location: 'https://evil.example' })],
    ['an event that is no message', answered(200, 'data: nonsense\n\n', stream)],
  ])('that is %s is a failure', (_what, answer) => {
    expect(judge(answer)).toBeTypeOf('string');
  });
});
