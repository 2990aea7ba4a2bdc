import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FuzzFacts, FuzzRequest } from './fuzz-request.js';
import { judgeAnswer, type FuzzAnswer } from './judge-answer.js';
import { keepFailures } from './keep-failures.js';
import { makeRequest } from './make-request.js';

const facts: FuzzFacts = {
  issuer: 'http://127.0.0.1:7401',
  resource: 'http://127.0.0.1:7400/mcp',
  endpoints: new Set(['/token', '/register']),
  redirectUri: 'http://127.0.0.1:43117/callback',
  foreignRedirectUri: 'http://evil.example/callback',
  publicClientId: 'dcr_1',
  confidentialClient: { id: 'dcr_2', secret: 'secret' },
  code: 'code',
  codeVerifier: 'verifier',
  codeChallenge: 'challenge',
  refreshToken: 'refresh',
  accessToken: 'a.b.c',
  dpopProofs: ['proof'],
  dpopThumbprint: 'thumbprint',
  waiting: { path: '/interaction/x', cookie: 'sallyport_as_interaction=x', formToken: 'form' },
  identityProvider: 'http://127.0.0.1:7403',
  identityAssertion: 'd.e.f',
  assistant: { id: 'assistant', secret: 'secret' },
  workload: { id: 'workload', token: 'g.h.i' },
};

describe('a fuzz case', () => {
  test('is the same for the same seed and index, whatever ran before it', () => {
    const once = Array.from({ length: 500 }, (_none, index) => makeRequest(11, index, facts));
    expect(makeRequest(11, 250, facts)).toEqual(once[250]);
    expect(Array.from({ length: 500 }, (_none, index) => makeRequest(11, index, facts))).toEqual(once);
  });

  test('differs by seed and by index, and all endpoints get their share', () => {
    const some = Array.from({ length: 3_000 }, (_none, index) => makeRequest(11, index, facts));
    expect(new Set(some.map((request) => JSON.stringify(request))).size).toBeGreaterThan(2_800);
    expect(makeRequest(12, 0, facts)).not.toEqual(some[0]);
    for (const endpoint of [
      '/authorize',
      '/token',
      '/register',
      '/par',
      '/revoke',
      '/introspect',
      '/interaction/',
      '/federation/demo/',
      '/session/end',
      '/.well-known/',
    ])
      expect(some.filter(({ path }) => path.startsWith(endpoint)).length).toBeGreaterThan(50);
  });
});

describe('an answer', () => {
  const request = (changes: Partial<FuzzRequest> = {}): FuzzRequest => ({
    method: 'GET',
    path: '/authorize?x=y',
    headers: [],
    body: undefined,
    ...changes,
  });
  const answered = (status: number, headers: Record<string, string> = {}, body = ''): FuzzAnswer => ({
    type: 'answered',
    status,
    headers,
    body,
  });
  const judge = (answer: FuzzAnswer, asked: FuzzRequest = request()) => judgeAnswer(asked, answer, facts);
  const json = { 'content-type': 'application/json' };

  test('that refuses properly, shows a page or redirects to the client is accepted', () => {
    expect(judge(answered(400, { 'content-type': 'text/html' }, '<p>&lt;fuzz-markup</p>'))).toBeUndefined();
    for (const location of [
      '/interaction/x',
      'http://127.0.0.1:7401/interaction/x',
      'http://127.0.0.1:43117/callback?error=x',
      'http://127.0.0.1:1/callback',
      'http://127.0.0.1:7403/authorize?state=x',
    ])
      expect(judge(answered(303, { location }))).toBeUndefined();
    expect(
      judge(answered(400, json, '{"error":"invalid_request"}'), request({ method: 'POST', path: '/token', body: '' })),
    ).toBeUndefined();
  });

  test.each<[string, FuzzAnswer]>([
    ['a server error', answered(500)],
    ['no answer', { type: 'timed-out' }],
    ['a broken connection', { type: 'failed', reason: 'reset' }],
    ['a stack trace', answered(400, {}, 'Error: x\n    at parse (/srv/app/dist/token.js:10:7)')],
    ['a redirect to a foreign host', answered(303, { location: 'http://evil.example/callback' })],
    ['a redirect relative to the scheme', answered(303, { location: '//evil.example/' })],
    ['a redirect with a user name', answered(303, { location: 'http://127.0.0.1:43117@evil.example/callback' })],
    [
      'a redirect to a host that is called like the identity provider',
      answered(303, { location: 'http://127.0.0.1:7403@evil.example/' }),
    ],
    ['a redirect to another path of the client', answered(303, { location: 'http://127.0.0.1:43117/other' })],
    ['a redirect that runs code', answered(303, { location: 'javascript:alert(1)' })],
    ['markup of the request in a page', answered(200, { 'content-type': 'text/html' }, '<fuzz-markup onload=x>')],
    ['a header the request made', answered(400, { 'x-injected': '1' })],
  ])('with %s is not', (_what, answer) => {
    expect(judge(answer)).toEqual(expect.any(String));
  });

  test('of the token endpoint that is no OAuth error is not, nor a registration of a redirect that runs code', () => {
    expect(
      judge(answered(400, { 'content-type': 'text/html' }, '<p>no</p>'), request({ method: 'POST', path: '/token' })),
    ).toBe('status 400 without an OAuth error');
    expect(
      judge(
        answered(201, json, '{"redirect_uris":["javascript:alert(1)"]}'),
        request({ method: 'POST', path: '/register' }),
      ),
    ).toEqual(expect.any(String));
  });

  test('may be a closed connection when the body was longer than a server reads', () => {
    expect(
      judge({ type: 'failed', reason: 'reset' }, request({ method: 'POST', body: ' '.repeat(70_000) })),
    ).toBeUndefined();
  });
});

test('what failed is kept as it was sent and answered, with the command that sends it again', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-fuzz-'));
  try {
    expect(keepFailures('mcp', 7, [], folder)).toBeUndefined();
    const sent = { method: 'POST', body: Buffer.from('{"ü"') };
    const file =
      keepFailures(
        'mcp',
        7,
        [
          {
            index: 3,
            reason: 'status 500',
            sent,
            answer: { type: 'answered', status: 500, headers: new Map([['x', 'y']]), body: 'no' },
          },
        ],
        folder,
      ) ?? '';
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
      target: 'mcp',
      seed: 7,
      cases: [
        {
          index: 3,
          repeat: 'npm run fuzz -- mcp --seed 7 --case 3',
          reason: 'status 500',
          sent: { method: 'POST', body: { base64: sent.body.toString('base64'), text: '{"ü"' } },
          answer: { type: 'answered', status: 500, headers: { x: 'y' }, body: 'no' },
        },
      ],
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
