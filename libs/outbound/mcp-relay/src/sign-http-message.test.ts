import { createHash, createPrivateKey, createPublicKey, createSecretKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { isSignedBy, verifyHttpSignature } from '@sallyport/testing/servers';
import { httpbis } from 'http-message-signatures';
import { describe, expect, test } from 'vitest';
import { signBytes, signHttpMessage } from './sign-http-message.js';
import type { HttpMessageSigning } from './sign-http-message.js';

/** RFC 9421 appendix B.1 and B.2. */
const rfc = {
  ed25519: createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'OKP',
      crv: 'Ed25519',
      d: 'n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU',
      x: 'JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs',
    },
  }),
  secret: createSecretKey(
    Buffer.from('uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==', 'base64'),
  ),
  rsaPss: createPublicKey(
    '-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHqgDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5WUtzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI2wIDAQAB\n-----END PUBLIC KEY-----',
  ),
};
const message = {
  method: 'POST',
  url: 'https://example.com/foo?param=Value&Pet=dog',
  headers: {
    date: 'Tue, 20 Apr 2021 02:07:55 GMT',
    'content-type': 'application/json',
    'content-length': '18',
    'content-digest':
      'sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:',
  },
};
const created = new Date(1_618_884_473_000);
/** As the RFC's test request is signed, whose parameters are not ours. */
const baseOf = async (
  fields: string[],
  keyid: string,
  more: Record<string, string> = {},
  sign: (base: Buffer) => Buffer = () => Buffer.alloc(1),
) => {
  let base: Buffer = Buffer.alloc(0);
  const { headers }: { headers: Record<string, string | string[]> } = await httpbis.signMessage(
    {
      name: 'sig',
      fields,
      params: ['created', 'keyid', ...Object.keys(more)],
      paramValues: { created, keyid, ...more },
      key: { sign: async (bytes: Buffer) => sign((base = bytes)) },
    },
    message,
  );
  return { base, signature: String(headers['Signature']), input: String(headers['Signature-Input']) };
};

describe('the test cases of RFC 9421 appendix B', () => {
  test('B.2.6: ed25519 (R73)', async () => {
    const { signature, input } = await baseOf(
      ['date', '@method', '@path', '@authority', 'content-type', 'content-length'],
      'test-key-ed25519',
      {},
      (base) => signBytes(base, rfc.ed25519, 'ed25519'),
    );
    expect(input).toBe(
      'sig=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"',
    );
    expect(signature).toBe(
      'sig=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:',
    );
  });
  test('B.2.5: hmac-sha256 (R73)', async () => {
    const { signature } = await baseOf(['date', '@authority', 'content-type'], 'test-shared-secret', {}, (base) =>
      signBytes(base, rfc.secret, 'hmac-sha256'),
    );
    expect(signature).toBe('sig=:pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8=:');
  });
  test('B.2.1 and B.2.3: the bases that rsa-pss-sha512 signs are ours, and its published signatures hold (R73)', async () => {
    const minimal = await baseOf([], 'test-key-rsa-pss', { nonce: 'b3k2pp5k7z-50gnwp.yemd' });
    expect(
      isSignedBy(
        minimal.base,
        Buffer.from(
          'd2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbtRxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFWhzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEVPnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==',
          'base64',
        ),
        rfc.rsaPss,
        'rsa-pss-sha512',
      ),
    ).toBe(true);
    const full = await baseOf(
      ['date', '@method', '@path', '@query', '@authority', 'content-type', 'content-digest', 'content-length'],
      'test-key-rsa-pss',
    );
    expect(
      isSignedBy(
        full.base,
        Buffer.from(
          'bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qRpRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiLJH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==',
          'base64',
        ),
        rfc.rsaPss,
        'rsa-pss-sha512',
      ),
    ).toBe(true);
  });
});

const pairs: [HttpMessageSigning['algorithm'], { privateKey: KeyObject; publicKey: KeyObject }][] = [
  ['ed25519', generateKeyPairSync('ed25519')],
  ['ecdsa-p256-sha256', generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ['ecdsa-p384-sha384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
  ['rsa-pss-sha512', generateKeyPairSync('rsa', { modulusLength: 2048 })],
  ['hmac-sha256', { privateKey: rfc.secret, publicKey: rfc.secret }],
];
const request = {
  method: 'POST',
  url: new URL('https://tools.example:8443/a%2Fb/mcp?x=1&y'),
  headers: {
    authorization: 'Bearer token',
    'content-type': 'application/json',
    'mcp-method': 'tools/call',
    'user-agent': 'sallyport',
    accept: 'application/json',
  },
  body: '{"jsonrpc":"2.0"}',
};
const now = 1_800_000_000_000;
const arrived = (headers: Record<string, string>, changes: object = {}) => ({
  method: 'POST',
  target: '/a%2Fb/mcp?x=1&y',
  scheme: 'https' as const,
  body: request.body,
  ...changes,
  headers: { ...request.headers, host: 'tools.example:8443', ...headers },
});

describe('a signed request', () => {
  test.each(pairs)(
    'holds with %s for what was sent, and for nothing else (R73)',
    async (algorithm, { privateKey, publicKey }) => {
      const keys = new Map([['k 1', publicKey]]);
      const headers = await signHttpMessage(
        request,
        { key: privateKey, keyId: 'k 1', algorithm, lifetimeSeconds: 60, tag: 'mcp' },
        now,
      );
      expect(verifyHttpSignature(arrived(headers), keys)).toEqual({
        components: ['@method', '@target-uri', 'authorization', 'content-digest', 'content-type', 'mcp-method'],
        parameters: {
          created: '1800000000',
          expires: '1800000060',
          nonce: expect.stringMatching(/^[\w-]{22}$/) as string,
          keyid: 'k 1',
          alg: algorithm,
          tag: 'mcp',
        },
      });
      for (const changes of [
        { body: '{"jsonrpc":"2.1"}' },
        { method: 'PUT' },
        { target: '/a/b/mcp?x=1&y' },
        { scheme: 'http' as const },
      ])
        expect(verifyHttpSignature(arrived(headers, changes), keys)).toBeUndefined();
      for (const changed of [
        { authorization: 'Bearer other' },
        { 'mcp-method': 'tools/list' },
        { host: 'other.example' },
        { 'signature-input': headers['signature-input']?.replace('1800000060', '1900000060') ?? '' },
      ])
        expect(verifyHttpSignature(arrived({ ...headers, ...changed }), keys)).toBeUndefined();
      expect(verifyHttpSignature(arrived(headers), new Map([['k 1', createPublicKeyOf(algorithm)]]))).toBeUndefined();
    },
  );
  test('covers what the configuration names, where the request has it', async () => {
    const [, { privateKey, publicKey }] = pairs[0] ?? expect.fail();
    const components = [
      '@method',
      '@authority',
      '@path',
      '@query',
      '@scheme',
      '@request-target',
      'content-digest',
      'mcp-session-id',
    ];
    const headers = await signHttpMessage(
      request,
      { key: privateKey, keyId: 'k', algorithm: 'ed25519', lifetimeSeconds: 5, components },
      now,
    );
    expect(verifyHttpSignature(arrived(headers), new Map([['k', publicKey]]))?.components).toEqual(
      components.slice(0, -1),
    );
    const bodiless = await signHttpMessage(
      { ...request, method: 'DELETE', body: '' },
      { key: privateKey, keyId: 'k', algorithm: 'ed25519', lifetimeSeconds: 5, components },
      now,
    );
    expect(bodiless['content-digest']).toBeUndefined();
    expect(
      verifyHttpSignature(arrived(bodiless, { method: 'DELETE', body: '' }), new Map([['k', publicKey]]))?.components,
    ).toEqual(components.slice(0, -2));
  });
  test('is never the same twice, so that a server can refuse what it has seen', async () => {
    const [, { privateKey: key }] = pairs[0] ?? expect.fail();
    const sign = () => signHttpMessage(request, { key, keyId: 'k', algorithm: 'ed25519', lifetimeSeconds: 60 }, now);
    expect((await sign())['signature']).not.toBe((await sign())['signature']);
    expect((await sign())['content-digest']).toBe(
      `sha-256=:${createHash('sha256').update(request.body).digest('base64')}:`,
    );
  });
});

function createPublicKeyOf(algorithm: HttpMessageSigning['algorithm']): KeyObject {
  if (algorithm === 'hmac-sha256') return createSecretKey(Buffer.alloc(64, 1));
  if (algorithm === 'ed25519') return generateKeyPairSync('ed25519').publicKey;
  if (algorithm === 'rsa-pss-sha512') return generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
  return generateKeyPairSync('ec', { namedCurve: algorithm === 'ecdsa-p256-sha256' ? 'P-256' : 'P-384' }).publicKey;
}
