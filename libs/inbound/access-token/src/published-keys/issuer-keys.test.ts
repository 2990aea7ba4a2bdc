import { compactVerify, CompactSign, exportJWK, generateKeyPair } from 'jose';
import { createFakeClock } from '@sallyport/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import { IssuerKeys, KeysUnavailable, type KeySource } from './issuer-keys.js';

const MINUTE = 60_000;
const source: KeySource = {
  issuer: 'https://issuer.example',
  jwksUri: undefined,
  keys: undefined,
  isSpiffeBundle: false,
};
const pairs = await Promise.all(
  ['one', 'two'].map(async (kid) => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    return { kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid } };
  }),
);
const [one, two] = pairs as [(typeof pairs)[number], (typeof pairs)[number]];

let clock: ReturnType<typeof createFakeClock>;
let asked: string[];
let published: unknown;
let discovery: unknown;
let down: boolean;
let problems: string[];
let keys: IssuerKeys;
beforeEach(() => {
  clock = createFakeClock();
  [asked, problems, down, published, discovery] = [
    [],
    [],
    false,
    { keys: [one.jwk] },
    { issuer: 'https://issuer.example', jwks_uri: 'https://keys.example/set' },
  ];
  const fetch: typeof globalThis.fetch = (input) => {
    const { url } = new Request(input);
    asked.push(url);
    if (down) return Promise.reject(new Error('unreachable'));
    return Promise.resolve(Response.json(url.endsWith('openid-configuration') ? discovery : published));
  };
  keys = new IssuerKeys({
    fetch,
    clock,
    onProblem: (_source, cause) => problems.push(String(cause)),
    onRecovered: (recovered) => problems.push(`${recovered} again`),
  });
});

const verified = async ({ kid, privateKey }: (typeof pairs)[number], from: KeySource = source): Promise<string> => {
  const token = await new CompactSign(new Uint8Array(1)).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey);
  return compactVerify(token, keys.of(from)).then(
    () => 'verified',
    (error: unknown) =>
      error instanceof Error ? (error instanceof KeysUnavailable ? 'unavailable' : error.name) : 'no error',
  );
};

test('keys that cannot be read are said once, and once more when they can be again (B32)', async () => {
  down = true;
  for (let minute = 0; minute < 3; minute++) {
    expect(await verified(one)).toBe('unavailable');
    clock.advance(MINUTE);
  }
  expect(problems).toEqual(['Error: unreachable']);
  down = false;
  for (let minute = 0; minute < 3; minute++) {
    expect(await verified(one)).toBe('verified');
    clock.advance(11 * MINUTE);
  }
  expect(problems).toEqual(['Error: unreachable', 'https://issuer.example again']);
});

describe('the keys of an issuer', () => {
  test('are found by its discovery document, once for any number of tokens', async () => {
    expect(await Promise.all([verified(one), verified(one), verified(one)])).toEqual([
      'verified',
      'verified',
      'verified',
    ]);
    expect(asked).toEqual(['https://issuer.example/.well-known/openid-configuration', 'https://keys.example/set']);
  });

  test('are read where the document says, without discovery', async () => {
    expect(await verified(one, { ...source, jwksUri: 'https://keys.example/other' })).toBe('verified');
    expect(asked).toEqual(['https://keys.example/other']);
  });

  test('are looked for anew when an unknown one signs, at most every fifteen seconds whoever asks (R5)', async () => {
    await verified(one);
    published = { keys: [two.jwk] };
    asked.length = 0;
    expect(await Promise.all([verified(two), verified(two)])).toEqual(['JWKSNoMatchingKey', 'JWKSNoMatchingKey']);
    expect(asked).toEqual([]);
    clock.advance(15_000);
    expect(await Promise.all([verified(two), verified(two), verified(two)])).toEqual([
      'verified',
      'verified',
      'verified',
    ]);
    expect(asked).toHaveLength(2);
    expect(await verified(one)).toBe('JWKSNoMatchingKey');
  });

  test('that were withdrawn there are not believed here ten minutes later', async () => {
    await verified(one);
    published = { keys: [two.jwk] };
    clock.advance(10 * MINUTE);
    expect(await verified(one)).toBe('JWKSNoMatchingKey');
  });

  test('last through an hour of outage and no longer, and an issuer that is down is not hammered', async () => {
    await verified(one);
    down = true;
    clock.advance(59 * MINUTE);
    expect(await verified(one)).toBe('verified');
    asked.length = 0;
    clock.advance(MINUTE);
    expect(await Promise.all([verified(one), verified(one), verified(one)])).toEqual([
      'unavailable',
      'unavailable',
      'unavailable',
    ]);
    expect(asked).toHaveLength(1);
    expect(problems.length).toBeGreaterThan(0);
  });

  test('last as long as is said', async () => {
    keys = new IssuerKeys({
      fetch: () => (down ? Promise.reject(new Error('unreachable')) : Promise.resolve(Response.json(published))),
      clock,
      usableMs: 24 * 60 * MINUTE,
      onProblem: () => undefined,
    });
    const at: KeySource = { ...source, jwksUri: 'https://keys.example/set' };
    await verified(one, at);
    down = true;
    clock.advance(23 * 60 * MINUTE);
    expect(await verified(one, at)).toBe('verified');
    clock.advance(60 * MINUTE);
    expect(await verified(one, at)).toBe('unavailable');
  });

  test('that cannot be read condemn nobody who signs with a new one (B4)', async () => {
    await verified(one);
    published = { keys: [two.jwk] };
    down = true;
    clock.advance(MINUTE);
    expect([await verified(two), await verified(one)]).toEqual(['unavailable', 'verified']);
    down = false;
    clock.advance(MINUTE);
    expect([await verified(two), await verified(one)]).toEqual(['verified', 'JWKSNoMatchingKey']);
  });

  test.each<[string, () => void]>([
    [
      'a discovery document of another issuer',
      () => (discovery = { issuer: 'https://issuer.example/', jwks_uri: 'https://keys.example/set' }),
    ],
    ['an oversized key set', () => (published = { keys: [one.jwk], padding: 'x'.repeat(256 * 1024) })],
    [
      'too many keys',
      () =>
        (published = {
          keys: Array.from({ length: 65 }, (_, index) => ({ ...one.jwk, kid: index === 0 ? 'one' : `k${index}` })),
        }),
    ],
    ['no key set', () => (published = { keys: 'none' })],
  ])('are not taken from %s', async (_case, bend) => {
    bend();
    expect(await verified(one)).toBe('unavailable');
  });

  test('for encryption or of a symmetric kind are no keys, and a SPIFFE bundle’s are those for JWT-SVIDs', async () => {
    const marked = (use: string) => ({
      keys: [
        { ...one.jwk, use },
        { kty: 'oct', k: 'c2VjcmV0', kid: 'two' },
      ],
    });
    const spiffe = { ...source, jwksUri: 'https://bundle.example/', isSpiffeBundle: true };
    for (const [use, from, expected] of [
      ['enc', source, 'JWKSNoMatchingKey'],
      ['sig', source, 'verified'],
      ['jwt-svid', source, 'JWKSNoMatchingKey'],
      ['jwt-svid', spiffe, 'verified'],
      ['x509-svid', spiffe, 'JWKSNoMatchingKey'],
    ] as const) {
      published = marked(use);
      clock.advance(11 * MINUTE);
      expect([use, await verified(one, from)]).toEqual([use, expected]);
    }
  });
});
