import type { CallRecord, LifecycleRecord } from '@sallyport/messages';
import { expect, test } from 'vitest';
import { outcomeOfCall, outcomeOfRequest, outcomeOfStep } from './outcome-of.js';

const call = (facts: Partial<CallRecord>): CallRecord => ({
  v: 1,
  type: 'mcp.call',
  id: 'evt_1',
  replica: 'gateway-1',
  receivedAt: 1,
  durationMs: 1,
  decision: 'allow',
  httpStatus: 200,
  ...facts,
});
const came = (facts: Partial<CallRecord>): string => {
  const { outcome, errorClass } = outcomeOfCall(call(facts));
  return [outcome, errorClass].filter(Boolean).join(' ');
};

test.each<[string, Partial<CallRecord>]>([
  ['success', {}],
  ['success', { reason: 'more_tools_than_agent_shows:200>100' }],
  ['success', { httpStatus: 202 }],
  ['failure tool_error', { isToolError: true }],
  ['failure server_error', { reason: 'server-error', errorCode: -32_602 }],
  ['failure server_unavailable', { reason: 'server-unavailable:unreachable', errorCode: -31_503 }],
  ['failure server_unavailable', { reason: 'server-unavailable:status:502', errorCode: -31_503 }],
  ['failure credential', { reason: 'server-unavailable:credential-rejected', errorCode: -31_503 }],
  ['failure credential', { reason: 'credential-refused' }],
  ['failure ended', { reason: 'ended:credential_revoked', errorCode: -31_499 }],
  ['failure unrecorded', { reason: 'unrecorded' }],
  ['failure client_gone', { reason: 'client_gone' }],
  ['failure client_gone', { decision: 'invalid', reason: 'client_gone' }],
  ['failure internal', { decision: 'invalid', reason: 'internal_error', httpStatus: 500 }],
  ['failure internal', { reason: 'a-reason-of-a-newer-gateway', errorCode: -31_000 }],
  ['failure internal', { httpStatus: 500 }],
  ['denied denied', { decision: 'deny', reason: 'unknown-tool:no_policy' }],
  ['denied denied', { decision: 'deny', reason: 'denied:when_false', isToolError: true }],
  ['failure unavailable', { decision: 'deny', reason: 'not-ready:stale' }],
  ['denied unauthenticated', { decision: 'unauthenticated', reason: 'no_token', httpStatus: 401 }],
  ['denied unauthenticated', { decision: 'unauthenticated', reason: 'ended', httpStatus: 401 }],
  ['pending scopes_missing', { decision: 'step_up', reason: 'insufficient-scope', httpStatus: 403 }],
  ['pending connect_required', { decision: 'connect_required', reason: 'connect-required' }],
  ['pending input_required', { reason: 'visit-required' }],
  ['denied limited', { decision: 'invalid', reason: 'too-many:calls', httpStatus: 429 }],
  ['failure invalid_request', { decision: 'invalid', reason: 'not-json', httpStatus: 400 }],
])('a call comes to: %s (R74) %#', (expected, facts) => {
  expect(came(facts)).toBe(expected);
});

test('a request that was allowed is a success, whatever came of it (R74)', () => {
  expect(outcomeOfRequest(call({ isToolError: true }))).toEqual({ outcome: 'success' });
  expect(outcomeOfRequest(call({ decision: 'deny', reason: 'denied' }))).toMatchObject({ outcome: 'denied' });
});

test('a step comes to what its type says, but for a revocation that says so itself (R80)', () => {
  const step = (record: Pick<LifecycleRecord, 'type' | 'detail'>) =>
    outcomeOfStep({ v: 1, id: 'evt_1', replica: 'control-plane', at: 1, ...record });
  expect(step({ type: 'token.refused' })).toEqual({ outcome: 'denied', errorClass: 'unauthenticated' });
  expect(step({ type: 'events.summed' }).outcome).toBeUndefined();
  const revoked = (said: boolean) => step({ type: 'connection.revoked_upstream', detail: { revoked: said } }).outcome;
  expect([revoked(true), revoked(false)]).toEqual(['success', 'failure']);
});
