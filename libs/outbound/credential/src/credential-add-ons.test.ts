import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import { CREDENTIAL_PROVIDER_TYPES, Document, type DocumentOf } from '@sallyport/configuration';
import { Secret } from '@sallyport/kernel';
import { createTestAuthority, type TestAuthority } from '@sallyport/testing/servers';
import { beforeAll, describe, expect, test } from 'vitest';
import { withAddOns } from './credential-add-ons.js';
import type { GrantedLease } from './provider-lease.js';

const origin = 'https://tools.example';
const file = { file: 'x' };
const read = (spec: object) =>
  Document.safeParse({ kind: 'CredentialProvider', name: 'tools', spec: { type: 'none', server: 'tools', ...spec } });
function target(
  spec: object,
  url = `${origin}/mcp`,
): { server: DocumentOf<'McpServer'>; provider: DocumentOf<'CredentialProvider'> } {
  const provider = read(spec).data;
  if (provider?.kind !== 'CredentialProvider') throw new Error('not valid');
  return { server: { kind: 'McpServer', name: 'tools', spec: { url, timeout: '60s' } }, provider };
}
const lease: GrantedLease = {
  type: 'granted',
  headers: { authorization: 'Bearer x' },
  connectionId: null,
  connectionRevision: 0,
  expiresInSeconds: 900,
};
const now = Date.now();
const refusal = (reason: string) => ({
  type: 'refused',
  reason,
  message: 'The key that tools wants to see cannot be used. An administrator has to see to it.',
});
const add = (spec: object, secrets: Record<string, string> = {}, url?: string) =>
  withAddOns(lease, target(spec, url), {
    clock: () => now,
    findSecret: async (name) => {
      const value = secrets[name.replace('CredentialProvider/tools/', '')];
      return value === undefined ? undefined : new Secret(value);
    },
  });

describe('a client certificate', () => {
  const spec = { clientCertificate: { certificate: file, privateKey: file, origin } };
  let authority: TestAuthority;
  beforeAll(async () => void (authority = await createTestAuthority()));

  test('goes with the lease, which ends with it (R73)', async () => {
    const { cert, key } = await authority.issueClient('gateway');
    expect(await add(spec, { certificate: cert, privateKey: key })).toEqual({
      ...lease,
      clientCertificate: { certificate: cert, privateKey: key },
    });
    const short = await authority.issueClient('gateway', { until: 60 / 86_400 });
    const leased = await add(spec, { certificate: short.cert, privateKey: short.key });
    expect(leased.type === 'granted' && leased.expiresInSeconds <= 60).toBe(true);
  });
  test('that cannot serve is refused with the reason, and goes to no other origin (S20, R73)', async () => {
    const [good, other, expired, early] = await Promise.all([
      authority.issueClient('a'),
      authority.issueClient('b'),
      authority.issueClient('c', { from: -2, until: -1 }),
      authority.issueClient('d', { from: 1, until: 2 }),
    ]);
    const reason = async (secrets: Record<string, string>, url?: string) =>
      ({ ...(await add(spec, secrets, url)) }) as { type: string; reason?: string };
    expect(await reason({ certificate: good.cert, privateKey: other.key })).toEqual(
      refusal('client_certificate_key_mismatch'),
    );
    expect(await reason({ certificate: expired.cert, privateKey: expired.key })).toEqual(
      refusal('client_certificate_expired'),
    );
    expect(await reason({ certificate: early.cert, privateKey: early.key })).toEqual(
      refusal('client_certificate_not_yet_valid'),
    );
    expect(await reason({ certificate: good.cert })).toEqual(refusal('client_certificate_missing'));
    expect(await reason({ certificate: good.cert, privateKey: 'no key' })).toEqual(
      refusal('client_certificate_invalid'),
    );
    expect(await reason({ certificate: good.cert, privateKey: good.key }, 'https://moved.example/mcp')).toEqual(
      refusal('client_certificate_origin'),
    );
  });
});

describe('a key to sign requests with', () => {
  const spec = (more: object = {}) => ({ requestSigning: { signingKey: file, origin, ...more } });
  const jwk = (pair: { privateKey: import('node:crypto').KeyObject }) => pair.privateKey.export({ format: 'jwk' });
  test.each([
    ['ed25519', () => jwk(generateKeyPairSync('ed25519'))],
    ['ecdsa-p256-sha256', () => jwk(generateKeyPairSync('ec', { namedCurve: 'P-256' }))],
    ['ecdsa-p384-sha384', () => jwk(generateKeyPairSync('ec', { namedCurve: 'P-384' }))],
    ['rsa-pss-sha512', () => jwk(generateKeyPairSync('rsa', { modulusLength: 2048 }))],
    ['hmac-sha256', () => createSecretKey(Buffer.alloc(32, 7)).export({ format: 'jwk' })],
  ])('says how it signs (%s), and travels without what does not belong to it (R73)', async (algorithm, make) => {
    const key = make();
    const file = JSON.stringify({ ...key, kid: 'k1', use: 'sig', note: 'ours' });
    expect(
      await add(spec({ lifetime: '2m', tag: 'mcp', components: ['@method', '@target-uri', 'content-digest'] }), {
        signingKey: file,
      }),
    ).toEqual({
      ...lease,
      signings: [
        {
          method: 'http-message',
          key,
          algorithm,
          keyId: 'k1',
          lifetimeSeconds: 120,
          tag: 'mcp',
          components: ['@method', '@target-uri', 'content-digest'],
        },
      ],
    });
    expect(await add(spec({ keyId: 'named' }), { signingKey: file })).toMatchObject({
      signings: [{ keyId: 'named', lifetimeSeconds: 60 }],
    });
  });
  test('that is none, is too weak, has no name or is for another origin is refused, without a word of it (S20, R44)', async () => {
    const good = JSON.stringify({ ...jwk(generateKeyPairSync('ed25519')), kid: 'k1' });
    for (const bad of [
      'secret-words',
      '{"kty":"oct","k":"c2hvcnQ","kid":"a"}',
      JSON.stringify({ ...jwk(generateKeyPairSync('rsa', { modulusLength: 1024 })), kid: 'k' }),
      JSON.stringify({ ...(JSON.parse(good) as object), kid: undefined }),
      JSON.stringify({ ...(JSON.parse(good) as object), d: undefined }),
    ]) {
      expect(await add(spec(), { signingKey: bad })).toEqual(refusal('signing_key_invalid'));
    }
    expect(await add(spec())).toEqual(refusal('signing_key_missing'));
    expect(await add(spec(), { signingKey: good }, 'https://moved.example/mcp')).toEqual(refusal('signing_key_origin'));
  });
  test.each([
    [['@method', '@target-uri'], 'content-digest'],
    [['@target-uri', 'content-digest'], '@method'],
    [['@method', '@authority', 'content-digest'], '@target-uri'],
    [['@method', '@target-uri', 'content-digest', 'host'], '@authority'],
    [['@method', '@target-uri', 'content-digest', '@method'], 'twice'],
  ])('must cover what makes a request that request: %j is refused', (components, word) => {
    const result = read({ requestSigning: { signingKey: file, origin, components } });
    expect(JSON.stringify(result.error?.issues)).toContain(word);
  });
});

test('every kind of credential provider takes both', () => {
  const client = { authentication: 'client_secret_basic', clientId: 'c', clientSecret: file };
  const specs: Record<string, object> = {
    none: {},
    'gateway-token': {},
    'mcp-user-oauth': {},
    static: { send: { as: 'bearer' } },
    'oauth-user': { preset: 'github', client: { authentication: 'none', clientId: 'c' } },
    'oauth-shared': { preset: 'github', client: { authentication: 'none', clientId: 'c' } },
    'client-credentials': { tokenEndpoint: 'https://as.example/token', origin, client },
    cloud: {
      origin,
      cloud: {
        provider: 'aws',
        roleArn: 'arn:aws:iam::123456789012:role/mcp',
        region: 'eu-central-1',
        service: 'lambda',
      },
    },
    'token-exchange': { trustProvider: 'corp', origin },
    'id-jag': { trustProvider: 'corp', origin, issuer: 'https://as.example', client },
  };
  for (const type of CREDENTIAL_PROVIDER_TYPES)
    expect([
      type,
      read({
        type,
        ...specs[type],
        clientCertificate: { certificate: file, privateKey: file, origin },
        requestSigning: { signingKey: file, origin },
      }).error,
    ]).toEqual([type, undefined]);
});
