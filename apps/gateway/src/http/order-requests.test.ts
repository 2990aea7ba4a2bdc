import { FairTurns } from '@sallyport/http';
import { expect, test } from 'vitest';
import { orderRequests } from './order-requests.js';

const { placeOf } = orderRequests(new FairTurns(), {
  lastKnownUser: (token) => (token === 'known' ? 'usr_1' : undefined),
});
const placeIn = (method: string, headers: Record<string, string>) =>
  placeOf({ method, headers, url: '/mcp' }, '192.0.2.1');
const authorization = 'Bearer known';

test('whoever is not known waits in the line of the address, and lets known callers go first (S32, S34)', () => {
  const stranger = { line: '192.0.2.1', urgency: 'unknown' };
  expect(placeIn('POST', { 'mcp-method': 'tools/call' })).toEqual(stranger);
  expect(placeIn('POST', { authorization: 'Bearer unknown', 'mcp-method': 'tools/call' })).toEqual(stranger);
  expect(placeIn('POST', { authorization: 'Basic known', 'mcp-method': 'tools/call' })).toEqual(stranger);
});

test.each([
  ['a call', 'POST', { 'mcp-method': 'tools/call' }, 'prompt'],
  ['the same with a proof', 'POST', { authorization: 'DPoP known', 'mcp-method': 'prompts/get' }, 'prompt'],
  ['a message of an MCP session', 'POST', { 'mcp-session-id': 'any' }, 'prompt'],
  ['the end of an MCP session', 'DELETE', { 'mcp-session-id': 'any' }, 'patient'],
  ['the beginning of one', 'POST', {}, 'patient'],
  ['a list', 'POST', { 'mcp-method': 'tools/list' }, 'patient'],
  ['a subscription', 'POST', { 'mcp-method': 'subscriptions/listen' }, 'patient'],
  ['what no gateway answers', 'GET', {}, 'patient'],
] as const)('of a known user, %s', (_what, method, headers, urgency) => {
  expect(placeIn(method, { authorization, ...headers })).toEqual({ line: 'usr_1', urgency });
});
