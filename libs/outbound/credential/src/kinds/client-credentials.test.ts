import { Document, isPersonal, type DocumentOf } from '@sallyport/configuration';
import { Secret, SallyportError } from '@sallyport/kernel';
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose';
import { beforeEach, describe, expect, test } from 'vitest';
import { ClientCredentialsTokens } from './client-credentials.js';
import type { OAuthClient } from '@sallyport/oauth';

const read = (changes: object = {}) =>
  Document.safeParse({
    kind: 'CredentialProvider',
    name: 'mail-machine',
    spec: {
      type: 'client-credentials',
      server: 'mail',
      tokenEndpoint: 'https://as.example/token',
      origin: 'https://mail.example',
      client: { authentication: 'client_secret_basic', clientId: 'gateway', clientSecret: { env: 'MAIL_SECRET' } },
      ...changes,
    },
  });
function configured(changes: object = {}, url = 'https://mail.example/mcp') {
  const provider = read(changes).data;
  if (provider?.kind !== 'CredentialProvider' || provider.spec.type !== 'client-credentials')
    throw new Error('not valid');
  const server: DocumentOf<'McpServer'> = { kind: 'McpServer', name: 'mail', spec: { url, timeout: '60s' } };
  return { target: { server, provider }, spec: provider.spec };
}
const client: OAuthClient = {
  issuer: 'https://as.example',
  clientId: 'gateway',
  clientSecret: new Secret('s3cret-of-ours'),
  authentication: 'client_secret_basic',
};

type Answer = { status?: number; json?: unknown; headers?: Record<string, string> } | Error;
let now: number;
let answers: Answer[];
let requests: { url: string; form: URLSearchParams; authorization: string | null }[];
let told: (string | null)[];
let gate: Promise<void> | undefined;
let tokens: ClientCredentialsTokens;
let issued: number;
beforeEach(() => {
  [now, answers, requests, told, gate, issued] = [1_000_000_000, [], [], [], undefined, 0];
  tokens = new ClientCredentialsTokens({
    clock: () => now,
    onRequest: async ({ reason }) => void told.push(reason),
    fetch: async (input, init) => {
      const request = new Request(input, init);
      requests.push({
        url: request.url,
        form: new URLSearchParams(await request.text()),
        authorization: request.headers.get('authorization'),
      });
      await gate;
      issued += 1;
      const answer = answers.shift() ?? {
        json: { access_token: `machine-token-${issued}`, token_type: 'Bearer', expires_in: 600 },
      };
      if (answer instanceof Error) throw answer;
      return new Response(JSON.stringify(answer.json ?? {}), {
        status: answer.status ?? 200,
        headers: answer.headers ?? {},
      });
    },
  });
});
const lease = (part: { changes?: object; url?: string; client?: OAuthClient; rejected?: number } = {}) =>
  tokens.lease({
    ...configured(part.changes, part.url),
    client: part.client ?? client,
    rejectedRevision: part.rejected,
  });
const bearer = (number: number) => ({ type: 'granted', headers: { authorization: `Bearer machine-token-${number}` } });

describe('a token for our own client', () => {
  test('is asked for as the document says, with the resource of the server (R43)', async () => {
    expect(
      await lease({
        changes: {
          scopes: ['mail.send', 'mail.read'],
          audience: 'https://api.mail.example',
          parameters: { tenant: 'acme' },
        },
      }),
    ).toEqual({ ...bearer(1), connectionId: null, connectionRevision: now, expiresInSeconds: 600 });
    expect(Object.fromEntries(requests[0]?.form ?? [])).toEqual({
      grant_type: 'client_credentials',
      scope: 'mail.send mail.read',
      audience: 'https://api.mail.example',
      resource: 'https://mail.example/mcp',
      tenant: 'acme',
    });
    expect(requests[0]).toMatchObject({
      url: 'https://as.example/token',
      authorization: `Basic ${btoa('gateway:s3cret-of-ours')}`,
    });
    await lease({ changes: { resource: false } });
    expect(requests[1]?.form.has('resource')).toBe(false);
    expect(told).toEqual([null, null]);
  });
  test('carries the secret in the body where the provider wants it there', async () => {
    await lease({ client: { ...client, authentication: 'client_secret_post' } });
    expect([
      requests[0]?.authorization,
      requests[0]?.form.get('client_id'),
      requests[0]?.form.get('client_secret'),
    ]).toEqual([null, 'gateway', 's3cret-of-ours']);
  });
  test.each([
    ['ES256', undefined, 'https://as.example/token'],
    ['RS256', 'https://as.example', 'https://as.example'],
  ])('is asked for with a key (%s), each time anew, for one audience', async (alg, assertionAudience, audience) => {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    const withKey: OAuthClient = {
      ...client,
      clientSecret: null,
      authentication: 'private_key_jwt',
      clientKey: new Secret(JSON.stringify({ ...(await exportJWK(privateKey)), kid: 'k1', alg })),
      assertionAudience,
    };
    await lease({ client: withKey });
    now += 600_000;
    await lease({ client: withKey });
    const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg }] });
    const { payload } = await jwtVerify(requests[0]?.form.get('client_assertion') ?? '', keys, {
      issuer: 'gateway',
      subject: 'gateway',
      audience,
      currentDate: new Date(1_000_000_000),
    });
    expect(payload.exp).toBe(1_000_060);
    expect(requests[0]?.form.get('client_assertion')).not.toBe(requests[1]?.form.get('client_assertion'));
    expect(requests[0]?.form.get('client_assertion_type')).toBe(
      'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    );
  });
  test('is not asked for with what is no key, and the error does not quote it (R44)', async () => {
    expect(
      await lease({
        client: { ...client, authentication: 'private_key_jwt', clientKey: new Secret('{"kty":"EC","d":"private"}') },
      }),
    ).toEqual({ type: 'refused', reason: 'client_key_invalid' });
    expect([requests.length, told]).toEqual([0, ['client_key_invalid']]);
  });
  test('is kept until near its end, and asked for once for all who want it', async () => {
    let open = () => undefined as void;
    gate = new Promise((resolve) => (open = resolve));
    const all = Promise.all([lease(), lease(), lease()]);
    open();
    expect(await all).toMatchObject([bearer(1), bearer(1), bearer(1)]);
    now += 539_000;
    expect(await lease()).toMatchObject({ ...bearer(1), expiresInSeconds: 61 });
    now += 1_000;
    expect(await lease()).toMatchObject(bearer(2));
    expect(requests.length).toBe(2);
  });
  test('that is short-lived is kept for most of its life, and one that does not say for five minutes', async () => {
    answers = [
      { json: { access_token: 'short-token', token_type: 'bearer', expires_in: '10' } },
      { json: { access_token: 'silent-token', token_type: 'bearer' } },
    ];
    expect(await lease()).toMatchObject({ expiresInSeconds: 10 });
    now += 7_900;
    expect(await lease()).toMatchObject({ headers: { authorization: 'Bearer short-token' } });
    now += 200;
    expect(await lease()).toMatchObject({ headers: { authorization: 'Bearer silent-token' }, expiresInSeconds: 300 });
  });
  test.each<[string, Answer, number]>([
    ['refuses our client', { status: 401, json: { error: 'invalid_client' } }, 60],
    ['answers 200 with an error', { json: { error: 'invalid_scope' } }, 60],
    ['asks for patience', { status: 429, headers: { 'retry-after': '30' } }, 30],
    ['asks for a day of patience', { status: 503, headers: { 'retry-after': '86400' } }, 300],
    ['is broken', { status: 500 }, 5],
    ['answers something else', { json: { hello: 'world' } }, 60],
    ['gives what is no bearer token', { json: { access_token: 'to\r\nken-of-machine', token_type: 'Bearer' } }, 60],
    ['cannot be reached', new SallyportError('outbound_unreachable', 'x'), 5],
    ['does not answer', new SallyportError('outbound_timeout', 'x'), 5],
  ])('is not asked for again at once when the provider %s (B4)', async (_what, answer, seconds) => {
    answers = [answer];
    expect(await lease()).toEqual({ type: 'provider_unavailable', retryAfterSeconds: seconds });
    now += seconds * 1_000 - 1;
    expect(await lease()).toMatchObject({ type: 'provider_unavailable' });
    expect(requests.length).toBe(1);
    now += 1;
    expect(await lease()).toMatchObject(bearer(2));
  });
  test('goes on serving while it lives and the provider is away, without asking at every call (B4)', async () => {
    await lease();
    now += 560_000;
    answers = [{ status: 503 }];
    expect([await lease(), await lease()]).toMatchObject([bearer(1), bearer(1)]);
    expect(requests.length).toBe(2);
  });
  test('that the server rejects is replaced, at most once a minute (S24)', async () => {
    const first = await lease();
    const rejected = first.type === 'granted' ? first.connectionRevision : 0;
    expect(await lease({ rejected })).toEqual({ type: 'provider_unavailable', retryAfterSeconds: 60 });
    now += 60_000;
    expect(await lease({ rejected })).toMatchObject(bearer(2));
    expect(await lease({ rejected })).toMatchObject(bearer(2));
    expect(requests.length).toBe(2);
  });
  test('goes to the origin it is for, and a kept one is not found for another address, document or secret (S20)', async () => {
    await lease();
    expect(await lease({ url: 'https://evil.example/mcp' })).toEqual({ type: 'refused', reason: 'token_origin' });
    expect(requests.length).toBe(1);
    expect(await lease({ url: 'https://mail.example/other' })).toMatchObject(bearer(2));
    expect(await lease({ changes: { scopes: ['mail.send'] } })).toMatchObject(bearer(3));
    expect(await lease({ client: { ...client, clientSecret: new Secret('another-secret') } })).toMatchObject(bearer(4));
    expect(await lease()).toMatchObject(bearer(1));
  });
});

test('a document of kind client-credentials is shared, by its nature, and says where its tokens may go (R42) (S20)', () => {
  const { spec } = configured();
  expect(isPersonal(spec)).toBe(false);
  expect(read({ origin: undefined }).success).toBe(false);
  for (const name of ['grant_type', 'scope', 'client_secret', 'resource', 'assertion'])
    expect(read({ parameters: { [name]: 'x' } }).success).toBe(false);
  expect(read({ client: { authentication: 'none', clientId: 'x' } }).success).toBe(false);
  expect(
    read({ client: { authentication: 'private_key_jwt', clientId: 'x', clientSecret: { env: 'A' } } }).success,
  ).toBe(false);
});
