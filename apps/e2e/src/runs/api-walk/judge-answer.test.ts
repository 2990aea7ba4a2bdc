import { PERMISSIONS } from '@sallyport/admin-api';
import { describeApi } from '@sallyport/admin-api/openapi';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { operationsOf, requestsTo, type ApiRequest } from './api-request.js';
import { createJudge, type ApiAnswer, type Asker } from './judge-answer.js';

const api = describeApi({ version: '1.2.3', url: 'https://control.example' });
const judge = createJudge(api);
const removal = operationsOf(api).find(({ operation }) => operation.operationId === 'removeConnection');
if (removal === undefined) throw new Error('the description has no removeConnection');
const operator: Asker = { name: 'operator', role: 'operator', token: 'x' };
const viewer: Asker = { name: 'viewer', role: 'viewer', token: 'x' };
const nobody: Asker = { name: 'nobody', role: undefined, token: undefined };
const request: ApiRequest = { path: '/v1/connections/con_1', isOddlyPlaced: false, headers: {} };

const answer = (status: number, body: object, type = 'application/json'): ApiAnswer => ({
  status,
  headers: { 'content-type': `${type}; charset=utf-8`, 'sallyport-revision': '7' },
  text: JSON.stringify(body),
});
const problem = (status: number, name: string, more: object = {}) =>
  answer(
    status,
    { type: `urn:sallyport:problem:${name}`, title: 'Title', status, ...more },
    'application/problem+json',
  );
const judged = (asker: Asker, given: ApiAnswer, sent = request) => judge(removal, asker, sent, given);
const removed = { id: 'con_1', upstream: 'revoked' };
const notPermitted = { permission: 'connections:remove', roles: PERMISSIONS['connections:remove'] };

test('an answer as declared passes, and a refusal of who may not ask', () => {
  expect(judged(operator, answer(200, removed))).toEqual([]);
  expect(judged(operator, problem(404, 'not-found'))).toEqual([]);
  expect(judged(viewer, problem(403, 'not-permitted', notPermitted))).toEqual([]);
  expect(judged(nobody, problem(401, 'unauthorized'))).toEqual([]);
  expect(judged(viewer, problem(404, 'not-found'), { ...request, isOddlyPlaced: true })).toEqual([]);
});

test.each<[string, Asker, ApiAnswer, string]>([
  ['a server error', operator, problem(500, 'internal-server-error'), 'a server error, 500'],
  ['an outage that is none', operator, problem(503, 'service-unavailable'), 'a server error, 503'],
  ['a status nobody declared', operator, problem(418, 'teapot'), '418 is not declared'],
  ['a member nobody declared', operator, answer(200, { ...removed, token: 'x' }), 'not as declared'],
  ['a member of another type', operator, answer(200, { ...removed, upstream: 'lost' }), 'not as declared'],
  ['a page in place of JSON', operator, answer(200, removed, 'text/html'), 'but not as text/html'],
  ['a type of problem that is none', operator, problem(404, 'Not_Found'), 'has the type'],
  ['a problem of another status', operator, { ...problem(400, 'bad'), status: 404 }, 'its problem says 400'],
  ['something of what is there, to who may not ask', viewer, problem(404, 'not-found'), '404 for viewer'],
  ['what was asked for, to who may not ask', viewer, answer(200, removed), '200 for viewer'],
  ['a refusal for another permission', viewer, problem(403, 'not-permitted', { permission: 'x' }), '403 for viewer'],
  ['a refusal of who may ask', operator, problem(403, 'not-permitted', notPermitted), '403 for operator'],
  ['whether a request was right, to somebody unknown', nobody, problem(400, 'bad-request'), '400 for somebody unknown'],
])('%s is found out', (_what, asker, given, said) => {
  expect(judged(asker, given)).toEqual([expect.stringContaining(said)]);
});

test('an answer that does not say its revision is found out', () => {
  expect(judged(operator, { ...answer(200, removed), headers: { 'content-type': 'application/json' } })).toHaveLength(
    1,
  );
});

test('requests to every operation are made, good and broken ones, and none by force', () => {
  for (const described of operationsOf(api)) {
    const made = fc.sample(requestsTo(described, { api, known: { server: ['notes'] } }), { numRuns: 30, seed: 7 });
    for (const { path, body = '' } of made) {
      expect(path).toMatch(/^\/v1\/[\x21-\x7e]+$/);
      expect(body).not.toContain('"force":true');
    }
    if (described.operation.requestBody === undefined) continue;
    expect(new Set(made.map(({ body }) => body)).size, described.operation.operationId).toBeGreaterThan(8);
  }
});
