import { expect, test } from 'vitest';
import { modernCalls } from './mcp-request.js';
import { requestText } from './wrk.js';

const route = { path: '/mcp', server: 'one', toolName: (tool: string) => `one__${tool}` };

test('requests differ in id and text, take tokens in turn, and name the tool in head and body alike', () => {
  const calls = modernCalls(route, 3, { tokens: ['a', 'b'] });
  expect(calls.map(({ headers }) => headers['authorization'])).toEqual(['Bearer a', 'Bearer b', 'Bearer a']);
  const bodies = calls.map(({ body }) => JSON.parse(body) as { id: number; params: { name: string } });
  expect(bodies.map(({ id }) => id)).toEqual([1, 2, 3]);
  expect(calls[0]?.headers['mcp-name']).toBe(bodies[0]?.params.name);
  expect(new Set(calls.map(({ expected }) => expected)).size).toBe(3);
});

test('a request over the wire says the length of its body in bytes', () => {
  const text = requestText('h:1', { path: '/p', headers: { a: 'b' }, body: '"é"', expected: '' });
  expect(text).toBe('POST /p HTTP/1.1\r\nhost: h:1\r\na: b\r\ncontent-length: 4\r\n\r\n"é"');
});
