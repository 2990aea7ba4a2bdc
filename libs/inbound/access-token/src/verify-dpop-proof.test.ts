import { createHash, createHmac } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { ProofMemory } from './proof-memory.js';
import { createProofVerifier, DPOP_ALGORITHMS } from './verify-dpop-proof.js';
import type { Presentation } from './verify-dpop-proof.js';

const url = 'https://gateway.example/mcp';
const token = 'the.access.token';
const start = 1_800_000_000;
interface Key {
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
  readonly privateJwk: JWK;
  readonly thumbprint: string;
}
let key: Key;
let other: Key;
async function makeKey(algorithm = 'ES256', options: object = {}): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true, ...options });
  const publicJwk = await exportJWK(publicKey);
  return {
    privateKey,
    publicJwk,
    privateJwk: await exportJWK(privateKey),
    thumbprint: await calculateJwkThumbprint(publicJwk),
  };
}
beforeAll(async () => {
  [key, other] = await Promise.all([makeKey(), makeKey()]);
});

const athOf = (value: string) => createHash('sha256').update(value).digest('base64url');
interface Change {
  readonly claims?: Record<string, unknown>;
  readonly header?: Record<string, unknown>;
  readonly signWith?: CryptoKey;
  readonly presentation?: Partial<Presentation>;
}
function world({ limit, since = 0 }: { limit?: number; since?: number } = {}) {
  const state = { now: start * 1000 };
  const clock = () => state.now;
  const memory = new ProofMemory({ clock, ...(limit === undefined ? {} : { limit }) });
  const verify = createProofVerifier({ clock, seen: { since, claim: (id, until) => memory.claim(id, until) } });
  let count = 0;
  const sign = ({ claims = {}, header = {}, signWith = key.privateKey }: Change = {}) =>
    new SignJWT({
      jti: `j${(count += 1)}`,
      htm: 'POST',
      htu: url,
      iat: Math.floor(state.now / 1000),
      ath: athOf(token),
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: key.publicJwk, ...header })
      .sign(signWith);
  const show = (
    proof: Presentation['proof'],
    presentation: Partial<Presentation> = {},
    boundTo = key.thumbprint,
    userId = 'usr_a',
  ) => verify({ token, userId, boundTo }, { proof, isProofRepeated: false, method: 'POST', url, ...presentation });
  return { state, memory, sign, show };
}

describe('a proof of possession', () => {
  test('of the key the token is bound to, for this request, proves it (S7)', async () => {
    const { sign, show } = world();
    expect(await show(await sign())).toBeUndefined();
  });
  test.each([...DPOP_ALGORITHMS])('may be signed with %s (S7)', async (alg) => {
    const { sign, show } = world();
    const { privateKey, publicJwk, thumbprint } = await makeKey(alg);
    const proof = await sign({ header: { alg, jwk: publicJwk }, signWith: privateKey });
    expect(await show(proof, {}, thumbprint)).toBeUndefined();
    expect(await show(proof)).toBe('proof_key');
  });
  test('may name the URL with a query, a fragment or its default port (RFC 9449 section 4.3)', async () => {
    const { sign, show } = world();
    for (const htu of [`${url}?a=b#c`, 'https://gateway.example:443/mcp', 'HTTPS://Gateway.Example/mcp'])
      expect(await show(await sign({ claims: { htu } }))).toBeUndefined();
  });

  const broken: [name: string, reason: string, change: () => Change][] = [
    ['for another method', 'proof_method', () => ({ claims: { htm: 'DELETE' } })],
    ['for the method in other letters', 'proof_method', () => ({ claims: { htm: 'post' } })],
    ['shown with another method', 'proof_method', () => ({ presentation: { method: 'GET' } })],
    ['for another host', 'proof_url', () => ({ claims: { htu: 'https://evil.example/mcp' } })],
    ['for another port', 'proof_url', () => ({ claims: { htu: 'https://gateway.example:8443/mcp' } })],
    ['for another path', 'proof_url', () => ({ claims: { htu: `${url}/` } })],
    ['for a URL with a user in it', 'proof_url', () => ({ claims: { htu: 'https://me@gateway.example/mcp' } })],
    ['for no URL at all', 'proof_url', () => ({ claims: { htu: '/mcp' } })],
    ['for another token', 'proof_token', () => ({ claims: { ath: athOf('another') } })],
    ['for no token', 'proof_token', () => ({ claims: { ath: undefined } })],
    ['that is too old', 'proof_time', () => ({ claims: { iat: start - 61 } })],
    ['from the future', 'proof_time', () => ({ claims: { iat: start + 61 } })],
    ['that ended by its own account', 'proof_time', () => ({ claims: { exp: start - 61 } })],
    ['that has not begun by its own account', 'proof_time', () => ({ claims: { nbf: start + 61 } })],
    ['without a time', 'proof_malformed', () => ({ claims: { iat: undefined } })],
    ['without an id', 'proof_malformed', () => ({ claims: { jti: undefined } })],
    ['with an endless id', 'proof_malformed', () => ({ claims: { jti: 'x'.repeat(513) } })],
    ['of another key', 'proof_key', () => ({ header: { jwk: other.publicJwk }, signWith: other.privateKey })],
    ['that names our key and is signed with another', 'proof_signature', () => ({ signWith: other.privateKey })],
    ['that holds the private key', 'proof_private_key', () => ({ header: { jwk: key.privateJwk } })],
    ['without a key', 'proof_malformed', () => ({ header: { jwk: undefined } })],
    ['of another type', 'proof_malformed', () => ({ header: { typ: 'JWT' } })],
    ['without a type', 'proof_malformed', () => ({ header: { typ: undefined } })],
    ['that is longer than any proof', 'proof_too_large', () => ({ claims: { padding: 'x'.repeat(4_096) } })],
  ];
  test.each(broken)('%s is refused: %s (S7)', async (_name, reason, change) => {
    const { sign, show } = world();
    const { presentation, ...rest } = change();
    expect(await show(await sign(rest), presentation)).toBe(reason);
  });

  test('with a critical header nobody understands is refused (S7)', async () => {
    const proof = await new SignJWT({ jti: 'x', htm: 'POST', htu: url, iat: start, ath: athOf(token) })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: key.publicJwk, crit: ['x'], x: 1 })
      .sign(key.privateKey, { crit: { x: true } });
    expect(await world().show(proof)).toBe('proof_malformed');
  });
  test('without a signature, or with a secret for a key, is refused (S7)', async () => {
    const { show } = world();
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = part({ jti: 'x', htm: 'POST', htu: url, iat: start, ath: athOf(token) });
    expect(await show(`${part({ alg: 'none', typ: 'dpop+jwt', jwk: key.publicJwk })}.${claims}.`)).toBe(
      'proof_malformed',
    );
    expect(await show(`${part({ alg: 'none', typ: 'dpop+jwt', jwk: key.publicJwk })}.${claims}.AA`)).toBe(
      'proof_algorithm',
    );
    const unsigned = `${part({ alg: 'HS256', typ: 'dpop+jwt', jwk: key.publicJwk })}.${claims}`;
    const mac = createHmac('sha256', JSON.stringify(key.publicJwk)).update(unsigned).digest('base64url');
    expect(await show(`${unsigned}.${mac}`)).toBe('proof_algorithm');
  });
  test('in an algorithm its key is not for is refused, and so is a key too small (S7)', async () => {
    const { sign, show } = world();
    const rsa = await makeKey('RS256');
    expect(
      await show(
        await sign({ header: { alg: 'RS256', jwk: rsa.publicJwk }, signWith: rsa.privateKey }),
        {},
        rsa.thumbprint,
      ),
    ).toBe('proof_algorithm');
    expect(
      await show(
        (await sign()).replace(
          /^[^.]+/,
          Buffer.from(JSON.stringify({ alg: 'PS256', typ: 'dpop+jwt', jwk: key.publicJwk })).toString('base64url'),
        ),
      ),
    ).toBe('proof_malformed');
    const small = { kty: 'RSA', n: 'A'.repeat(171), e: 'AQAB' };
    expect(
      await show(
        (await sign()).replace(
          /^[^.]+/,
          Buffer.from(JSON.stringify({ alg: 'PS256', typ: 'dpop+jwt', jwk: small })).toString('base64url'),
        ),
      ),
    ).toBe('proof_malformed');
  });
  test.each([undefined, ''])('that is not there (%j) is refused (S7)', async (proof) => {
    expect(await world().show(proof)).toBe('proof_missing');
  });
  test.each(['x', 'a.b.c', 'e30.e30.AA', 'a.b.c.d', 'bnVsbA.e30.AA'])(
    'that is none (%j) is refused (S7)',
    async (proof) => {
      expect(await world().show(proof)).toBe('proof_malformed');
    },
  );
  test('that came twice in one request is refused (RFC 9449 section 4.3)', async () => {
    const { sign, show } = world();
    expect(await show(await sign(), { isProofRepeated: true })).toBe('proof_repeated');
  });
  test('within the skew of sixty seconds is accepted (S5)', async () => {
    const { sign, show } = world();
    for (const iat of [start - 60, start + 60]) expect(await show(await sign({ claims: { iat } }))).toBeUndefined();
  });
  test('from before there was a memory of used ones is refused (S7)', async () => {
    const { sign, show } = world({ since: start });
    expect(await show(await sign({ claims: { iat: start - 1 } }))).toBe('proof_time');
    expect(await show(await sign())).toBeUndefined();
  });
});

describe('a used proof', () => {
  test('is refused as long as it is recent, also one dated ahead (S7)', async () => {
    const { sign, show, state, memory } = world();
    const [now, ahead] = [await sign(), await sign({ claims: { iat: start + 60 } })];
    expect([await show(now), await show(ahead)]).toEqual([undefined, undefined]);
    expect([await show(now), await show(ahead)]).toEqual(['proof_replayed', 'proof_replayed']);
    state.now += 60_000;
    memory.sweep();
    expect([await show(now), await show(ahead)]).toEqual(['proof_replayed', 'proof_replayed']);
    state.now += 60_000;
    memory.sweep();
    expect([await show(now), await show(ahead)]).toEqual(['proof_time', 'proof_replayed']);
    state.now += 1_000;
    memory.sweep();
    expect([await show(ahead), memory.size]).toEqual(['proof_time', 0]);
  });
  test('says nothing about the same id of another key (S7)', async () => {
    const { sign, show } = world();
    expect(await show(await sign({ claims: { jti: 'one' } }))).toBeUndefined();
    expect(
      await show(
        await sign({ claims: { jti: 'one' }, header: { jwk: other.publicJwk }, signWith: other.privateKey }),
        {},
        other.thumbprint,
      ),
    ).toBeUndefined();
    expect(await show(await sign({ claims: { jti: 'one' } }))).toBe('proof_replayed');
  });
  test('that was refused for another reason was not used up (S7)', async () => {
    const { sign, show } = world();
    const proof = await sign();
    expect(await show(proof, { method: 'GET' })).toBe('proof_method');
    expect(await show(proof)).toBeUndefined();
  });
  test('takes bounded room: what a key, or a user, has its share of is refused to it and to no other, and nothing is forgotten until it is too old (S7, S32)', async () => {
    const { sign, show, state, memory } = world({ limit: 33 });
    const keys = await Promise.all(Array.from({ length: 3 }, () => makeKey('ES256')));
    const prove = async (of: number, userId?: string) => {
      const { privateKey, publicJwk, thumbprint } = keys[of] ?? expect.fail('no key');
      return show(await sign({ header: { jwk: publicJwk }, signWith: privateKey }), {}, thumbprint, userId);
    };
    const first = await sign();
    for (const proof of [first, await sign()]) expect(await show(proof)).toBeUndefined();
    expect(await show(await sign())).toBe('proof_share_full'); // of that key
    expect([await prove(0), await prove(1)]).toEqual([undefined, undefined]);
    expect(await prove(2)).toBe('proof_share_full'); // of that user
    expect(await prove(2, 'usr_b')).toBeUndefined();
    expect([await show(first), memory.size]).toEqual(['proof_replayed', 5]);
    state.now += 61_000;
    expect(await show(await sign())).toBeUndefined();
    expect(memory.size).toBe(1);
  });
  test('is refused, whoever makes it, when there is no room at all (S7)', async () => {
    const { sign, show } = world({ limit: 1 });
    expect(await show(await sign())).toBeUndefined();
    expect(await show(await sign())).toBe('proof_memory_full');
  });
});
