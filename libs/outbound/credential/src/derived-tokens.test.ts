import { Document, isConnected, isPersonal, type DocumentOf } from '@sallyport/configuration';
import { SallyportError, Secret } from '@sallyport/kernel';
import type { SignInExchangeOutcome } from '@sallyport/messages';
import { beforeEach, describe, expect, test } from 'vitest';
import { DerivedTokens } from './derived-tokens.js';
import type { RequestedExchange } from '@sallyport/lease';
import { leaseByIdJag } from './kinds/id-jag.js';
import { leaseByTokenExchange } from './kinds/token-exchange.js';

const exchange = { type: 'token-exchange', server: 'crm', trustProvider: 'corp', origin: 'https://crm.example' };
const idJag = {
  type: 'id-jag',
  server: 'crm',
  trustProvider: 'corp',
  origin: 'https://crm.example',
  issuer: 'https://as.example',
  client: { authentication: 'client_secret_basic', clientId: 'at-crm', clientSecret: { env: 'X' } },
  scopes: ['crm.read'],
};
const read = (spec: object) => Document.safeParse({ kind: 'CredentialProvider', name: 'crm-derived', spec });
function configured(document: object, url: string) {
  const { data: provider } = read(document);
  if (
    provider?.kind !== 'CredentialProvider' ||
    (provider.spec.type !== 'token-exchange' && provider.spec.type !== 'id-jag')
  )
    throw new Error('not valid');
  const server: DocumentOf<'McpServer'> = {
    kind: 'McpServer',
    name: 'crm',
    spec: { title: 'CRM', url, timeout: '60s' },
  };
  return { target: { server, provider }, spec: provider.spec };
}
const secret = new Secret('s3cret-of-ours');
const alice = { userId: 'usr_alice', clientId: 'agent-1', sid: 'ses_1', expiresAt: 1_000_000 + 3_600 };

type Answer = { status?: number; json?: unknown };
let now: number;
let exchanges: RequestedExchange[];
let outcome: (requested: RequestedExchange) => SignInExchangeOutcome | undefined | Promise<SignInExchangeOutcome>;
let told: (string | null)[];
let requests: { url: string; form: URLSearchParams; authorization: string | null }[];
/** What the server, and its authorization server, answer by address. */
let web: Record<string, Answer | Error>;
let tokens: DerivedTokens;
const healthy = (): Record<string, Answer> => ({
  'https://crm.example/mcp': { status: 401 },
  'https://crm.example/.well-known/oauth-protected-resource/mcp': {
    json: { resource: 'https://crm.example/mcp', authorization_servers: ['https://as.example'] },
  },
  'https://as.example/.well-known/oauth-authorization-server': {
    json: {
      issuer: 'https://as.example',
      authorization_endpoint: 'https://as.example/authorize',
      token_endpoint: 'https://as.example/token',
      code_challenge_methods_supported: ['S256'],
    },
  },
  'https://as.example/token': { json: { access_token: 'token-of-the-crm', token_type: 'Bearer', expires_in: 600 } },
});
const exchanged = (token: string, seconds: number | null = 600): SignInExchangeOutcome => ({
  type: 'exchanged',
  token,
  expiresAt: seconds === null ? null : now + seconds * 1000,
});
beforeEach(() => {
  [now, exchanges, told, requests, web] = [1_000_000_000, [], [], [], healthy()];
  outcome = () => exchanged(`derived-token-${exchanges.length}`);
  tokens = new DerivedTokens({
    clock: () => now,
    exchange: async (requested) => {
      exchanges.push(requested);
      return outcome(requested);
    },
    actorToken: async (clientId, trustProvider) => `actor ${clientId} at ${trustProvider}`,
    onRequest: async ({ reason }) => void told.push(reason),
    fetch: async (input, init) => {
      const request = new Request(input, init);
      requests.push({
        url: request.url,
        form: new URLSearchParams(await request.text()),
        authorization: request.headers.get('authorization'),
      });
      const answer = web[request.url] ?? { status: 404 };
      if (answer instanceof Error) throw answer;
      return new Response(JSON.stringify(answer.json ?? {}), { status: answer.status ?? 200 });
    },
  });
});
const lease = (
  changes: {
    spec?: object;
    url?: string;
    caller?: Partial<typeof alice>;
    rejected?: number;
    secret?: Secret | undefined;
  } = {},
) => {
  const { target, spec } = configured(changes.spec ?? exchange, changes.url ?? 'https://crm.example/mcp');
  const request = {
    target,
    caller: { ...alice, ...changes.caller },
    rejectedConnectionRevision: changes.rejected,
  };
  const context = {
    derivedTokens: tokens,
    findSecret: async () => ('secret' in changes ? changes.secret : secret),
  };
  return spec.type === 'id-jag' ? leaseByIdJag(request, spec, context) : leaseByTokenExchange(request, spec, context);
};
const bearer = (token: string) => ({
  type: 'granted',
  headers: { authorization: `Bearer ${token}` },
  connectionId: null,
});

describe('a derived token', () => {
  test("is somebody's own, without an account that is connected (R5, R51)", () => {
    for (const spec of [exchange, idJag])
      expect([
        isPersonal(configured(spec, 'https://crm.example').spec),
        isConnected(configured(spec, 'https://crm.example').spec),
      ]).toEqual([true, false]);
  });
  test('is asked for with who the agent acts for, and kept for its agent session and no other (R34, S20)', async () => {
    expect(await lease()).toEqual({ ...bearer('derived-token-1'), connectionRevision: now, expiresInSeconds: 600 });
    expect(exchanges[0]).toEqual({
      userId: 'usr_alice',
      clientId: 'agent-1',
      sid: 'ses_1',
      server: 'crm',
      credentialProvider: 'crm-derived',
      pins: { serverUrl: 'https://crm.example/mcp', serverResource: null, providerDigest: expect.any(String) },
    });
    expect(await lease()).toMatchObject(bearer('derived-token-1'));
    for (const caller of [{ userId: 'usr_bob' }, { clientId: 'agent-2' }, { sid: 'ses_2' }])
      expect(await lease({ caller })).toMatchObject(bearer(`derived-token-${exchanges.length}`));
    expect(exchanges).toHaveLength(4);
    await lease({ spec: { ...exchange, scopes: ['crm.read'] } });
    await lease({ url: 'https://crm.example/other' });
    expect(new Set(exchanges.map(({ pins }) => JSON.stringify(pins))).size).toBe(3);
    expect(told).toEqual([null, null, null, null, null, null]);
  });
  test('goes to no other origin than the document says (S20)', async () => {
    expect(await lease({ url: 'https://moved.example/mcp' })).toEqual({ type: 'refused', reason: 'token_origin' });
    expect(exchanges).toEqual([]);
  });
  test('is asked for once for all who want it at a time, and anew shortly before it expires', async () => {
    expect(new Set((await Promise.all([lease(), lease(), lease()])).map((one) => JSON.stringify(one))).size).toBe(1);
    expect(exchanges).toHaveLength(1);
    now += 541_000;
    expect(await lease()).toMatchObject(bearer('derived-token-2'));
  });
  test('is leased no longer than the token of the agent is good for, and for minutes when it does not say', async () => {
    outcome = () => exchanged('derived-token', null);
    expect(await lease()).toMatchObject({ expiresInSeconds: 300 });
    expect(await lease({ caller: { expiresAt: 1_000_060 } })).toMatchObject({ expiresInSeconds: 60 });
  });
  test('that the server rejects is replaced, once a minute at most (S24)', async () => {
    await lease();
    expect(await lease({ rejected: now })).toEqual({ type: 'provider_unavailable', retryAfterSeconds: 60 });
    now += 60_000;
    expect(await lease({ rejected: now - 60_000 })).toMatchObject(bearer('derived-token-2'));
  });
  test('names the agent where the document wants that', async () => {
    await lease({ spec: { ...exchange, actorToken: true } });
    expect(exchanges[0]?.actorToken).toBe('actor agent-1 at corp');
  });
});

describe('no token', () => {
  test('because the user must sign in again says just that, and is asked about again at once', async () => {
    outcome = () => ({ type: 'sign_in_required' });
    expect([await lease(), await lease()]).toEqual([
      { type: 'refused', reason: 'sign_in_required' },
      { type: 'refused', reason: 'sign_in_required' },
    ]);
    expect(exchanges).toHaveLength(2);
  });
  test.each([
    ['consent_required', /consent before it gives access to CRM/],
    ['user_refused', /does not give this user access to CRM/],
    ['trust_provider', /another identity provider/],
  ] as const)(
    'because of %s is told in words, and remembered for a minute for this user alone',
    async (reason, words) => {
      outcome = () => ({ type: 'refused', reason, error: 'the_code' });
      expect(await lease()).toEqual({
        type: 'refused',
        reason: `exchange_${reason}`,
        message: expect.stringMatching(words),
      });
      await lease();
      expect(exchanges).toHaveLength(1);
      await lease({ caller: { userId: 'usr_bob' } });
      now += 60_000;
      await lease();
      expect([exchanges.length, told]).toEqual([3, ['the_code', 'the_code', 'the_code']]);
    },
  );
  test('because our client is not let in spares the provider the others; an outage of one does not (B4)', async () => {
    outcome = () => ({ type: 'unavailable', retryAfterMs: 5_000, fault: false, error: 'unavailable' });
    expect(await lease()).toEqual({ type: 'provider_unavailable', retryAfterSeconds: 5 });
    outcome = () => ({ type: 'unavailable', retryAfterMs: 60_000, fault: true, error: 'invalid_client' });
    expect(await lease({ caller: { userId: 'usr_bob' } })).toEqual({
      type: 'provider_unavailable',
      retryAfterSeconds: 60,
    });
    expect(await lease({ caller: { userId: 'usr_carol' } })).toEqual({
      type: 'provider_unavailable',
      retryAfterSeconds: 60,
    });
    expect(exchanges).toHaveLength(2);
  });
  test('while the provider is away costs nothing as long as the last one lives (B4)', async () => {
    await lease();
    now += 560_000;
    outcome = () => ({ type: 'unavailable', retryAfterMs: 5_000, fault: false, error: 'unavailable' });
    expect(await lease()).toMatchObject(bearer('derived-token-1'));
    outcome = () => undefined;
    now += 36_000;
    expect(await lease()).toEqual({ type: 'provider_unavailable', retryAfterSeconds: 5 });
    expect(told.at(-1)).toBe('not_taken');
  });
});

describe('cross-app access', () => {
  const assertion = 'header.assertion.signature';
  beforeEach(() => {
    outcome = () => exchanged(assertion, 300);
  });
  test('discovers the server, has its user vouched for there, and presents that at the issuer of the document (R51)', async () => {
    expect(await lease({ spec: idJag })).toMatchObject(bearer('token-of-the-crm'));
    expect(exchanges[0]).toMatchObject({ userId: 'usr_alice', resource: 'https://crm.example/mcp' });
    expect(requests.at(-1)).toMatchObject({
      url: 'https://as.example/token',
      authorization: `Basic ${btoa('at-crm:s3cret-of-ours')}`,
    });
    expect(Object.fromEntries(requests.at(-1)?.form ?? [])).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion,
      scope: 'crm.read',
    });
  });
  test.each([
    [
      'a server that names another authorization server',
      'other_issuer',
      () =>
        (web['https://crm.example/.well-known/oauth-protected-resource/mcp'] = {
          json: { resource: 'https://crm.example/mcp', authorization_servers: ['https://evil.example'] },
        }),
    ],
    [
      "a server that says it is somebody else's resource",
      'resource_mismatch',
      () =>
        (web['https://crm.example/.well-known/oauth-protected-resource/mcp'] = {
          json: { resource: 'https://bank.example/mcp', authorization_servers: ['https://as.example'] },
        }),
    ],
    [
      'an issuer whose token endpoint is elsewhere',
      'other_token_endpoint',
      () =>
        (web['https://as.example/.well-known/oauth-authorization-server'] = {
          json: {
            issuer: 'https://as.example',
            authorization_endpoint: 'https://as.example/authorize',
            token_endpoint: 'https://evil.example/token',
            code_challenge_methods_supported: ['S256'],
          },
        }),
    ],
    [
      'metadata of another issuer',
      'issuer_mismatch',
      () =>
        (web['https://as.example/.well-known/oauth-authorization-server'] = {
          json: {
            issuer: 'https://evil.example',
            authorization_endpoint: 'https://as.example/authorize',
            token_endpoint: 'https://as.example/token',
            code_challenge_methods_supported: ['S256'],
          },
        }),
    ],
  ])('shows nothing to %s, and has nothing made for it (S20, S25)', async (_name, reason, change) => {
    change();
    expect(await lease({ spec: idJag })).toMatchObject({ type: 'provider_unavailable' });
    expect([exchanges, told, requests.filter(({ url }) => url.endsWith('/token'))]).toEqual([[], [reason], []]);
  });
  test('finds a token endpoint elsewhere where the document says so', async () => {
    web['https://as.example/.well-known/oauth-authorization-server'] = {
      json: {
        issuer: 'https://as.example',
        authorization_endpoint: 'https://as.example/authorize',
        token_endpoint: 'https://tokens.example/token',
        code_challenge_methods_supported: ['S256'],
      },
    };
    web['https://tokens.example/token'] = { json: { access_token: 'token-from-there', token_type: 'Bearer' } };
    expect(await lease({ spec: { ...idJag, tokenEndpointOrigin: 'https://tokens.example' } })).toMatchObject(
      bearer('token-from-there'),
    );
  });
  test('is refused to a user whom the server does not take, in words; our own trouble is not theirs (B4)', async () => {
    web['https://as.example/token'] = { status: 400, json: { error: 'invalid_grant' } };
    expect(await lease({ spec: idJag })).toEqual({
      type: 'refused',
      reason: 'assertion_refused',
      message: expect.stringContaining('CRM does not accept'),
    });
    web['https://as.example/token'] = { status: 401, json: { error: 'invalid_client' } };
    expect(await lease({ spec: idJag, caller: { userId: 'usr_bob' } })).toEqual({
      type: 'provider_unavailable',
      retryAfterSeconds: 60,
    });
    expect(told).toEqual(['invalid_grant', 'invalid_client']);
  });
  test('is tried again soon when the server cannot be reached, and not without our secret', async () => {
    for (const path of ['mcp', '.well-known/oauth-protected-resource/mcp', '.well-known/oauth-protected-resource'])
      web[`https://crm.example/${path}`] = new SallyportError('outbound_unreachable', 'no');
    expect(await lease({ spec: idJag })).toEqual({ type: 'provider_unavailable', retryAfterSeconds: 5 });
    expect(await lease({ spec: { ...idJag, scopes: [] }, secret: undefined })).toEqual({
      type: 'refused',
      reason: 'secret_missing',
    });
    expect([exchanges, told]).toEqual([[], ['unreachable', 'secret_missing']]);
  });
});

test.each([
  ['on-behalf-of without an API', { ...exchange, grant: 'on-behalf-of' }],
  [
    'on-behalf-of with what it has not',
    { ...exchange, grant: 'on-behalf-of', scopes: ['api://x/.default'], audience: 'x' },
  ],
  [
    'on-behalf-of with an actor',
    { ...exchange, grant: 'on-behalf-of', scopes: ['api://x/.default'], actorToken: true },
  ],
  ['a parameter with a place of its own', { ...exchange, parameters: { subject_token: 'x' } }],
  ['on-behalf-of by a parameter', { ...exchange, parameters: { requested_token_use: 'on_behalf_of' } }],
  ['no origin', { ...exchange, origin: undefined }],
  ['no issuer', { ...idJag, issuer: undefined }],
  ['no client', { ...idJag, client: undefined }],
])('a document is refused for %s', (_name, spec) => expect(read(spec).success).toBe(false));
