import { createHash, generateKeyPairSync } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { namedId, newId } from '@sallyport/kernel';
import { beforeAll, describe, expect, test } from 'vitest';
import { ProofMemory } from './proof-memory.js';
import { createAccessTokenVerifier } from './verify-access-token.js';

const issuer = 'https://as.example';
const audience = 'https://gateway.example/mcp';
const userId = newId('usr');
const sid = newId('ses');
const start = 1_800_000_000_000;

let signing: { privateKey: CryptoKey; publicJwk: JWK };
let other: { privateKey: CryptoKey; publicJwk: JWK };
const makeKey = async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  return { privateKey, publicJwk: await exportJWK(publicKey) };
};
beforeAll(async () => {
  signing = await makeKey();
  other = await makeKey();
});

function claims(now: number): Record<string, unknown> {
  const seconds = Math.floor(now / 1000);
  return {
    iss: issuer,
    aud: audience,
    sub: userId,
    sid,
    client_id: 'https://agent.example/client.json',
    scope: 'notes.read notes.write',
    roles: ['reader'],
    groups: ['engineering'],
    auth_time: seconds,
    amr: ['pwd'],
    idp: 'demo',
    idp_sub: 'alice',
    agent_name: 'Agent',
    agent_assurance: 'asserted',
    iat: seconds,
    exp: seconds + 900,
    jti: 'j1',
  };
}

function world({ remembersProofs = true } = {}) {
  const state = {
    now: start,
    generation: 1,
    revoked: new Set<string>(),
    /** Seconds; what was issued to anybody before is void. */ notBefore: 0,
    withdrawn: new Set<string>(),
    fetches: 0,
    outage: false,
    keys: [
      { ...signing.publicJwk, kid: 'at-1', alg: 'ES256', use: 'sig' },
      { ...other.publicJwk, kid: 'dt-1', alg: 'ES256', use: 'sig' },
    ] as JWK[],
  };
  const proofs = new ProofMemory({ clock: () => state.now });
  const verifier = createAccessTokenVerifier({
    ...(remembersProofs && { seenProofs: { since: 0, claim: (id: string, until: number) => proofs.claim(id, until) } }),
    issuer,
    audience,
    jwksUrl: `${issuer}/jwks`,
    clock: () => state.now,
    revocations: () => ({
      generation: state.generation,
      isRevoked: (subject) => state.revoked.has(subject.sid) || subject.issuedAt < state.notBefore,
      isKeyWithdrawn: (kid) => state.withdrawn.has(kid),
    }),
    fetch: async () => {
      state.fetches += 1;
      return state.outage ? new Response('no', { status: 503 }) : Response.json({ keys: state.keys });
    },
  });
  const sign = (change: Record<string, unknown> = {}, header: Record<string, unknown> = {}, key = signing.privateKey) =>
    new SignJWT({ ...claims(state.now), ...change })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'at-1', ...header })
      .sign(key);
  return { state, verifier, sign };
}

describe('an access token', () => {
  test('of our own authorization server becomes the caller it names (R9)', async () => {
    const { verifier, sign, state } = world();
    const result = await verifier.verify(await sign());
    expect(result).toEqual({
      ok: true,
      kid: expect.stringMatching(/^at-/) as string,
      caller: {
        userId,
        sid,
        trustProvider: 'demo',
        subject: 'alice',
        clientId: 'https://agent.example/client.json',
        agentName: 'Agent',
        agentAssurance: 'asserted',
        isKeyBound: false,
        scopes: new Set(['notes.read', 'notes.write']),
        roles: ['reader'],
        groups: ['engineering'],
        authTime: state.now / 1000,
        issuedAt: state.now / 1000,
        expiresAt: state.now / 1000 + 900,
        acr: undefined,
        amr: ['pwd'],
      },
    });
  });
  test('of an agent without a human names a subject that is no user (R5, S1)', async () => {
    const { verifier, sign } = world();
    const sub = namedId('agt', 'nightly');
    expect(
      await verifier.verify(await sign({ sub, auth_time: 0, amr: [], idp: 'builtin:machines', idp_sub: 'nightly' })),
    ).toMatchObject({ ok: true, caller: { userId: sub, trustProvider: 'builtin:machines' } });
  });
  test('with the media type spelled out is the same token (RFC 9068 section 4)', async () => {
    const { verifier, sign } = world();
    expect((await verifier.verify(await sign({}, { typ: 'application/at+jwt' }))).ok).toBe(true);
  });

  test('that names an algorithm nobody signs with is refused for that, whatever key it names (S5)', async () => {
    const { verifier, sign } = world();
    const [, payload, signature] = (await sign()).split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: 'at-unknown' })).toString(
      'base64url',
    );
    const token = [header, payload, signature].join('.');
    expect(await verifier.verify(token)).toEqual({ ok: false, reason: 'algorithm' });
  });
  test('that is longer than any of ours is not looked into, however good it is (S5)', async () => {
    const { verifier, sign } = world();
    const groups = (letters: number) => ({ groups: Array.from({ length: 100 }, () => 'g'.repeat(letters)) });
    expect((await verifier.verify(await sign(groups(100)))).ok).toBe(true);
    expect(await verifier.verify(await sign(groups(125)))).toEqual({ ok: false, reason: 'malformed' });
  });

  const broken: [name: string, change: Record<string, unknown>, header: Record<string, unknown>, reason: string][] = [
    ['for another audience (R10)', { aud: 'https://other.example/mcp' }, {}, 'audience'],
    ['for us and another audience (R10)', { aud: [audience, 'https://other.example/mcp'] }, {}, 'audience'],
    ['whose audience only starts like ours (S5)', { aud: `${audience}/` }, {}, 'audience'],
    ['of another issuer (S5)', { iss: 'https://evil.example' }, {}, 'issuer'],
    ['that is an ID token (S5)', {}, { typ: 'JWT' }, 'type'],
    ['without a type (S5)', {}, { typ: undefined }, 'type'],
    ['signed by the key for downstream tokens (S6)', {}, { kid: 'dt-1' }, 'key_purpose'],
    ['without a key id (S6)', {}, { kid: undefined }, 'key_purpose'],
    ['of an unknown key (S5)', {}, { kid: 'at-unknown' }, 'unknown_key'],
    ['that expired (R10)', { iat: start / 1000 - 2000, exp: start / 1000 - 61 }, {}, 'expired'],
    ['issued in the future (S5)', { iat: start / 1000 + 61 }, {}, 'not_yet_valid'],
    ['not valid yet (S5)', { nbf: start / 1000 + 61 }, {}, 'not_yet_valid'],
    ['bound to a key, shown without proof (S7)', { cnf: { jkt: 'x'.repeat(43) } }, {}, 'proof_required'],
    ['bound in a way nobody here checks (S7)', { cnf: { jkt: 'x'.repeat(43), 'x5t#S256': 'y' } }, {}, 'claims'],
    ['bound to nothing that could be a key (S7)', { cnf: { jkt: 'x' } }, {}, 'claims'],
    ['without a session (S5)', { sid: undefined }, {}, 'claims'],
    ['whose subject only starts like an agent of ours (S1)', { sub: 'agt_nightly' }, {}, 'claims'],
    ['whose subject is no user of ours (S5)', { sub: 'alice' }, {}, 'claims'],
    ['with a critical header nobody understands (S5)', {}, { crit: ['x'], x: 1 }, 'malformed'],
  ];
  test.each(broken)('%s is refused', async (_name, change, header, reason) => {
    const { verifier, sign, state } = world();
    const token = header['crit'] === undefined ? await sign(change, header) : await signWithCrit(claims(state.now));
    expect(await verifier.verify(token)).toEqual({ ok: false, reason });
  });
  test('within the skew of sixty seconds is accepted (S5)', async () => {
    const { verifier, sign } = world();
    expect((await verifier.verify(await sign({ iat: start / 1000 + 59 }))).ok).toBe(true);
    expect((await verifier.verify(await sign({ iat: start / 1000 - 900, exp: start / 1000 - 59 }))).ok).toBe(true);
  });
  test('with a forged signature is refused (R10)', async () => {
    const { verifier, sign } = world();
    expect(await verifier.verify(await sign({}, {}, other.privateKey))).toEqual({ ok: false, reason: 'signature' });
  });
  test('without a signature is refused (R10)', async () => {
    const { verifier, state } = world();
    const unsigned = new UnsecuredJWT(claims(state.now)).encode();
    expect(await verifier.verify(unsigned)).toEqual({ ok: false, reason: 'malformed' });
    expect(
      await verifier.verify(
        `${Buffer.from('{"alg":"none","typ":"at+jwt","kid":"at-1"}').toString('base64url')}.e30.AA`,
      ),
    ).toEqual({ ok: false, reason: 'algorithm' });
  });
  test('signed with the public key as an HMAC secret is refused (S5)', async () => {
    const { verifier, state } = world();
    const token = await new SignJWT(claims(state.now))
      .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: 'at-1' })
      .sign(new TextEncoder().encode(JSON.stringify(signing.publicJwk)));
    expect(await verifier.verify(token)).toEqual({ ok: false, reason: 'algorithm' });
  });
  describe('whose key is of another kind', () => {
    const kinds = ['ES256', 'RS256', 'EdDSA'] as const;
    const published = async (alg: (typeof kinds)[number]) => {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
      const { state, verifier } = world();
      state.keys = [{ ...(await exportJWK(publicKey)), kid: 'at-1', alg, use: 'sig' }];
      const sign = (header: Record<string, unknown>, key: CryptoKey | Uint8Array = privateKey) =>
        new SignJWT(claims(state.now)).setProtectedHeader({ typ: 'at+jwt', kid: 'at-1', alg, ...header }).sign(key);
      return { verifier, sign, publicKey, state };
    };

    test.each(kinds)(
      '%s is verified with the algorithm it was published for, once and from memory (S5)',
      async (alg) => {
        const { verifier, sign } = await published(alg);
        const token = await sign({});
        expect([await verifier.verify(token), await verifier.verify(token)]).toMatchObject([
          { ok: true },
          { ok: true },
        ]);
      },
    );
    test.each(kinds.flatMap((alg) => kinds.filter((other) => other !== alg).map((other) => [alg, other] as const)))(
      '%s refuses a token that says %s, and one signed so by another key (S5, R10)',
      async (alg, claimed) => {
        const { verifier, sign } = await published(alg);
        const [, payload, signature] = (await sign({})).split('.');
        const relabelled = `${Buffer.from(JSON.stringify({ alg: claimed, typ: 'at+jwt', kid: 'at-1' })).toString('base64url')}.${payload}.${signature}`;
        expect(await verifier.verify(relabelled)).toEqual({ ok: false, reason: 'algorithm' });
        const { privateKey } = await generateKeyPair(claimed);
        expect(await verifier.verify(await sign({ alg: claimed }, privateKey))).toEqual({
          ok: false,
          reason: 'algorithm',
        });
      },
    );
    test.each(kinds)('%s as an HMAC secret, in any of its spellings, is refused (S5, R10)', async (alg) => {
      const { verifier, sign, publicKey, state } = await published(alg);
      for (const secret of [
        await exportSPKI(publicKey),
        JSON.stringify(state.keys[0]),
        JSON.stringify({ keys: state.keys }),
      ]) {
        expect(await verifier.verify(await sign({ alg: 'HS256' }, new TextEncoder().encode(secret)))).toEqual({
          ok: false,
          reason: 'algorithm',
        });
      }
    });
    test('an RSA key signs by the algorithm it was published for, not by another it could do (S5)', async () => {
      const { state, verifier, sign } = await published('RS256');
      for (const alg of ['RS384', 'PS256']) {
        const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
        state.keys = [{ ...(await exportJWK(publicKey)), kid: 'at-1', alg: 'RS256', use: 'sig' }];
        expect(await verifier.verify(await sign({ alg }, privateKey))).toEqual({ ok: false, reason: 'algorithm' });
      }
    });
    test('an RSA key that is short, or says not what it is for, is no key of ours (S5)', async () => {
      const { state, verifier } = world();
      const [short, long] = [
        generateKeyPairSync('rsa', { modulusLength: 1024 }),
        generateKeyPairSync('rsa', { modulusLength: 2048 }),
      ].map(({ publicKey }) => publicKey.export({ format: 'jwk' }) as JWK);
      state.keys = [
        { ...short, kid: 'at-short', alg: 'RS256' },
        { ...long, kid: 'at-any' },
        { ...long, kid: 'at-other', alg: 'PS256' },
        { ...long, kid: 'at-good', alg: 'RS256' },
      ];
      await verifier.start();
      expect(['at-short', 'at-any', 'at-other', 'at-good'].filter((kid) => verifier.keys.has(kid))).toEqual([
        'at-good',
      ]);
    });
  });
  test.each(['', 'x', 'a.b', 'a.b.c', 'a.b.c.d', '....'])('that is not a JWS (%j) is refused', async (token) => {
    expect(await world().verifier.verify(token)).toEqual({ ok: false, reason: 'malformed' });
  });

  async function signWithCrit(payload: Record<string, unknown>): Promise<string> {
    return await new SignJWT(payload)
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'at-1', crit: ['x'], x: 1 })
      .sign(signing.privateKey, { crit: { x: true } });
  }
});

describe('a token bound to a key', () => {
  const proofWorld = async (options: Parameters<typeof world>[0] = {}) => {
    const { verifier, sign, state } = world(options);
    const token = await sign({
      cnf: { jkt: await calculateJwkThumbprint(other.publicJwk) },
      agent_assurance: 'key-authenticated',
    });
    let count = 0;
    const prove = (of = token) =>
      new SignJWT({
        jti: `p${(count += 1)}`,
        htm: 'POST',
        htu: audience,
        iat: state.now / 1000,
        ath: createHash('sha256').update(of).digest('base64url'),
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: other.publicJwk })
        .sign(other.privateKey);
    const show = (proof: string | undefined, shown = token) =>
      verifier.verifyWithProof(shown, { proof, isProofRepeated: false, method: 'POST', url: audience });
    return { verifier, sign, state, token, prove, show };
  };
  test('is good with a proof of its key, which is asked for each time, and its caller says so (S7)', async () => {
    const { prove, show } = await proofWorld();
    const proof = await prove();
    expect(await show(proof)).toMatchObject({
      ok: true,
      caller: { isKeyBound: true, agentAssurance: 'key-authenticated' },
    });
    expect(await show(proof)).toEqual({ ok: false, reason: 'proof_replayed' });
    expect(await show(undefined)).toEqual({ ok: false, reason: 'proof_missing' });
    expect((await show(await prove())).ok).toBe(true);
  });
  test('is refused with a good proof where used proofs are not remembered (S7)', async () => {
    const { prove, show } = await proofWorld({ remembersProofs: false });
    expect(await show(await prove())).toEqual({ ok: false, reason: 'proof_memory_full' });
  });
  test('is refused without, also when it was remembered as good a moment ago (S7)', async () => {
    const { verifier, token, prove, show } = await proofWorld();
    expect((await show(await prove())).ok).toBe(true);
    expect(await verifier.verify(token)).toEqual({ ok: false, reason: 'proof_required' });
  });
  test('is known to be good later without its proof, by who checked that: until it is revoked (S17)', async () => {
    const { verifier, token, state } = await proofWorld();
    expect((await verifier.recheck(token)).ok).toBe(true);
    state.revoked.add(sid);
    state.generation += 1;
    expect(await verifier.recheck(token)).toEqual({ ok: false, reason: 'revoked' });
  });
  test('and one that is not are not mistaken for each other: a proof is no use to an unbound token (S7)', async () => {
    const { verifier, sign, prove, show } = await proofWorld();
    const unbound = await sign();
    expect(await show(await prove(unbound), unbound)).toEqual({ ok: false, reason: 'not_bound' });
    expect((await verifier.verify(unbound)).ok).toBe(true);
  });
  test('is refused for its own sake before anybody looks at the proof (S5)', async () => {
    const { sign, show } = await proofWorld();
    expect(
      await show('nonsense', await sign({ cnf: { jkt: 'x'.repeat(43) }, aud: 'https://other.example/mcp' })),
    ).toEqual({ ok: false, reason: 'audience' });
  });
});

describe('the memory of verified tokens', () => {
  test('ends when the token expires, without the skew (S5)', async () => {
    const { verifier, sign, state } = world();
    const token = await sign();
    expect((await verifier.verify(token)).ok).toBe(true);
    state.now += 900_000 + 60_000;
    expect(await verifier.verify(token)).toEqual({ ok: false, reason: 'expired' });
  });
  test('never answers for another token that only differs in its signature (S5)', async () => {
    const { verifier, sign } = world();
    const token = await sign();
    await verifier.verify(token);
    const [header, payload] = token.split('.');
    const foreign = (await sign({ jti: 'j2' })).split('.')[2];
    expect(await verifier.verify(`${header}.${payload}.${foreign}`)).toEqual({ ok: false, reason: 'signature' });
  });
  test('yields to a revocation on the very next use (S5)', async () => {
    const { verifier, sign, state } = world();
    const token = await sign();
    expect((await verifier.verify(token)).ok).toBe(true);
    state.revoked.add(sid);
    state.generation += 1;
    expect(await verifier.verify(token)).toEqual({ ok: false, reason: 'revoked' });
    expect(await verifier.verify(token)).toEqual({ ok: false, reason: 'revoked' });
  });
  test('of a session from before a revocation of its user stays void, also one issued a moment after it; a new session stands (S28)', async () => {
    const { verifier, sign, state } = world();
    state.notBefore = Math.floor(state.now / 1000) - 1;
    expect(await verifier.verify(await sign({ sid: newId('ses', state.now - 60_000) }))).toEqual({
      ok: false,
      reason: 'revoked',
    });
    expect((await verifier.verify(await sign({ sid: newId('ses', state.now) }))).ok).toBe(true);
    expect((await verifier.verify(await sign({ sid: newId('ses', state.now + 60_000) }))).ok).toBe(true);
    expect(await verifier.verify(await sign({ sid: newId('ses', state.now), iat: state.notBefore - 1 }))).toEqual({
      ok: false,
      reason: 'revoked',
    });
  });
  test('survives a revocation of somebody else (S5)', async () => {
    const { verifier, sign, state } = world();
    const token = await sign();
    await verifier.verify(token);
    state.revoked.add(newId('ses'));
    state.generation += 1;
    expect((await verifier.verify(token)).ok).toBe(true);
  });
  test('forgets tokens of a key that was withdrawn (S5)', async () => {
    const { verifier, sign, state } = world();
    const token = await sign();
    expect((await verifier.verify(token)).ok).toBe(true);
    state.keys = [];
    state.now += 10_000;
    await verifier.keys.reload();
    expect(await verifier.verify(token)).toEqual({ ok: false, reason: 'unknown_key' });
  });
  test('yields to the withdrawal of its key on the very next use, whatever is still published, and for good (S5)', async () => {
    const { verifier, sign, state } = world();
    const token = await sign();
    expect((await verifier.verify(token)).ok).toBe(true);
    state.withdrawn.add('at-1');
    state.generation += 1;
    expect(await verifier.verify(token)).toEqual({ ok: false, reason: 'key_withdrawn' });
    expect(await verifier.verify(await sign({ jti: 'made by who has the key now' }))).toEqual({
      ok: false,
      reason: 'key_withdrawn',
    });
    expect(verifier.keys.has('at-1')).toBe(true);
  });
  test('of a key withdrawn while its signature was being checked never begins (S5)', async () => {
    const { verifier, sign, state } = world();
    await verifier.start();
    const token = await sign();
    const verification = verifier.verify(token);
    state.withdrawn.add('at-1');
    state.generation += 1;
    expect(await verification).toEqual({ ok: false, reason: 'key_withdrawn' });
  });
  test('forgets tokens of a key id that stands for another key now (S5)', async () => {
    const { verifier, sign, state } = world();
    const token = await sign();
    expect((await verifier.verify(token)).ok).toBe(true);
    state.keys = [{ ...other.publicJwk, kid: 'at-1', alg: 'ES256', use: 'sig' }];
    state.now += 10_000;
    await verifier.keys.reload();
    expect(await verifier.verify(token)).toEqual({ ok: false, reason: 'signature' });
  });
  test('answers without verifying again', async () => {
    const { verifier, sign } = world();
    const token = await sign();
    await verifier.verify(token);
    const started = performance.now();
    for (let i = 0; i < 2_000; i++) await verifier.verify(token);
    expect((performance.now() - started) / 2_000).toBeLessThan(0.05); // milliseconds; a signature check alone is more
  });
});

describe('the published keys', () => {
  test('are loaded once for many tokens, and an unknown key reloads at most once per cooldown', async () => {
    const { verifier, sign, state } = world();
    const [good, unknown] = [await sign(), await sign({}, { kid: 'at-9' })];
    await Promise.all([verifier.verify(good), verifier.verify(good)]);
    expect(state.fetches).toBe(1);
    await verifier.verify(unknown);
    await verifier.verify(unknown);
    expect(state.fetches).toBe(1);
    state.now += 5_000;
    await verifier.verify(unknown);
    await verifier.verify(unknown);
    expect(state.fetches).toBe(2);
    state.now -= 3_600_000; // the clock was an hour ahead
    await verifier.verify(await sign({}, { kid: 'at-9' }));
    state.now += 5_000;
    await verifier.verify(await sign({}, { kid: 'at-9' }));
    expect(state.fetches).toBe(3);
  });
  test('that hold a withdrawn key are asked for again without delay: its successor is on its way (S5)', async () => {
    const { verifier, sign, state } = world();
    await verifier.verify(await sign());
    state.withdrawn.add('at-1');
    state.generation += 1;
    const next = await makeKey();
    const token = await sign({}, { kid: 'at-2' }, next.privateKey);
    // Nobody who comes while the successor is on its way is told that the token is bad, and all share the few reloads.
    const early = Promise.all([verifier.verify(token), verifier.verify(token), verifier.verify(token)]);
    await expect.poll(() => state.fetches).toBe(2);
    state.keys = [{ ...next.publicJwk, kid: 'at-2', alg: 'ES256', use: 'sig' }];
    expect((await early).map(({ ok }) => ok)).toEqual([true, true, true]);
    expect(state.fetches).toBe(3);
    await verifier.verify(await sign({}, { kid: 'at-3' }, next.privateKey));
    expect(state.fetches).toBe(3);
  });
  test('that go on holding a withdrawn key are asked for a few times, and then the token is bad (S5)', async () => {
    const { verifier, sign, state } = world();
    await verifier.verify(await sign());
    state.withdrawn.add('at-1');
    state.generation += 1;
    expect(await verifier.verify(await sign({}, { kid: 'at-2' }, (await makeKey()).privateKey))).toEqual({
      ok: false,
      reason: 'unknown_key',
    });
    expect(state.fetches).toBe(4);
  });
  test('survive an outage of the authorization server (S5)', async () => {
    const { verifier, sign, state } = world();
    await verifier.verify(await sign());
    state.outage = true;
    state.now += 301_000;
    expect((await verifier.verify(await sign())).ok).toBe(true);
    await new Promise((resolve) => setImmediate(resolve));
    expect(state.fetches).toBe(2);
    expect(verifier.keys.lastError).toBe('the key set answered 503');
    expect((await verifier.verify(await sign({ jti: 'j3' }))).ok).toBe(true);
  });
  test('never loaded: the token is unverifiable rather than bad', async () => {
    const { verifier, sign, state } = world();
    state.outage = true;
    expect(await verifier.verify(await sign())).toEqual({ ok: false, reason: 'keys_unavailable' });
    state.outage = false;
    state.now += 5_000;
    expect((await verifier.verify(await sign())).ok).toBe(true);
  });
  test('take in a new key the first time it is seen', async () => {
    const { verifier, sign, state } = world();
    await verifier.verify(await sign());
    state.keys.push({ ...other.publicJwk, kid: 'at-2', alg: 'ES256', use: 'sig' });
    state.now += 5_000;
    expect((await verifier.verify(await sign({}, { kid: 'at-2' }, other.privateKey))).ok).toBe(true);
  });
  test('pass over a key of another kind or off the curve', async () => {
    const { verifier, sign, state } = world();
    state.keys.unshift(
      { kty: 'RSA', kid: 'at-rsa', n: 'AQAB', e: 'AQAB' },
      { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'at-bad' },
    );
    expect((await verifier.verify(await sign())).ok).toBe(true);
    expect(verifier.keys.has('at-rsa') || verifier.keys.has('at-bad')).toBe(false);
  });
});
