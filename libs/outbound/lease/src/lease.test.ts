import { CompactEncrypt, CompactSign, exportJWK, generateKeyPair, importJWK, UnsecuredJWT, type CryptoKey } from 'jose';
import { LeaseRequest, type LeaseAnswer, type LeaseOutcome } from '@sallyport/messages';
import { beforeAll, describe, expect, test } from 'vitest';
import { MemorySeenNonces } from './seen-nonces.js';
import { openLeaseAnswer } from './open-lease-answer.js';
import { openLeaseRequest, type OpenLeaseRequestResult } from './open-lease-request.js';
import { sealLeaseAnswer, sealTokenRefusal } from './seal-lease-answer.js';
import { sealLeaseRequest, type LeaseExpectation } from './seal-lease-request.js';
import { encrypt, sign, typ } from './lease-envelope.js';

type Pair = { publicKey: CryptoKey; privateKey: CryptoKey };
const NOW = 1_700_000_000_000;
const granted: LeaseOutcome = {
  type: 'granted',
  headers: { authorization: 'Bearer downstream' },
  connectionId: 'con_1',
  connectionRevision: 3,
  expiresInSeconds: 600,
};
const requested = {
  token: 'agent.access.token',
  userId: 'usr_a',
  clientId: 'agent-a',
  sid: 'ses_a',
  server: 'notes',
  targetOrigin: 'https://notes.example',
  policyRevision: 7,
};

let replicaKey: Pair, otherReplicaKey: Pair, lease: Pair, otherLease: Pair, signing: Pair, otherSigning: Pair;
beforeAll(async () => {
  [replicaKey, otherReplicaKey, signing, otherSigning] = (await Promise.all(
    [1, 2, 3, 4].map(() => generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true })),
  )) as [Pair, Pair, Pair, Pair];
  [lease, otherLease] = (await Promise.all(
    [1, 2].map(() => generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true })),
  )) as [Pair, Pair];
});

const requester = (
  overrides: { replica?: string; replicaKey?: CryptoKey; leasePublicKey?: CryptoKey; clock?: () => number } = {},
) => ({
  replica: 'gateway-1',
  replicaKey: replicaKey.privateKey,
  leasePublicKey: lease.publicKey,
  clock: () => NOW,
  ...overrides,
});
const responder = () => ({
  enrolledKeys: {
    find: async (name: string) => ({ 'gateway-1': replicaKey.publicKey, 'gateway-2': otherReplicaKey.publicKey })[name],
  },
  leasePrivateKey: lease.privateKey,
  clock: () => NOW,
  seenNonces: new MemorySeenNonces(),
});
const payloadOf = (jws: string) =>
  LeaseRequest.parse(JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()));
async function recipientOf(request: LeaseRequest): Promise<CryptoKey> {
  const key = await importJWK(request.ephemeralKey, 'ECDH-ES');
  if (key instanceof Uint8Array) throw new Error('symmetric');
  return key;
}
function opened(result: OpenLeaseRequestResult) {
  if (!result.ok) throw new Error(result.reason);
  return result;
}

describe('a lease request', () => {
  test('carries the token to the control plane and shows it to nobody else (S21)', async () => {
    const { wire } = await sealLeaseRequest({ ...requested, rejectedConnectionRevision: 2 }, requester());
    const result = opened(await openLeaseRequest(wire, responder()));
    expect([
      result.token,
      result.request.server,
      result.request.targetOrigin,
      result.request.rejectedConnectionRevision,
    ]).toEqual([requested.token, 'notes', 'https://notes.example', 2]);
    expect(JSON.stringify(wire)).not.toContain(requested.token);
    expect(Buffer.from(wire.request.split('.')[1] ?? '', 'base64url').toString()).not.toContain(requested.token);
  });

  test('is refused when its nonce was seen (S21)', async () => {
    const { wire } = await sealLeaseRequest(requested, requester());
    const keys = responder();
    expect((await openLeaseRequest(wire, keys)).ok).toBe(true);
    expect(await openLeaseRequest(wire, keys)).toMatchObject({ ok: false, reason: 'replayed' });
  });

  test('is refused where its user asks for too much, by the subject of the token inside, and no other user is (S21, S32)', async () => {
    const keys = { ...responder(), seenNonces: new MemorySeenNonces(16) };
    const askFor = async (sub: string) => {
      const { wire } = await sealLeaseRequest({ ...requested, token: new UnsecuredJWT({ sub }).encode() }, requester());
      const result = await openLeaseRequest(wire, keys);
      return result.ok ? 'opened' : result.reason;
    };
    expect([
      await askFor('usr_greedy'),
      await askFor('usr_greedy'),
      await askFor('usr_greedy'),
      await askFor('usr_other'),
    ]).toEqual(['opened', 'opened', 'too_many', 'opened']);
  });

  test('is refused from a replica that is not enrolled, or signed by the key of another (S21)', async () => {
    const unknown = await sealLeaseRequest(requested, requester({ replica: 'gateway-9' }));
    expect(await openLeaseRequest(unknown.wire, responder())).toMatchObject({ ok: false, reason: 'unknown_replica' });
    const wrong = await sealLeaseRequest(requested, requester({ replicaKey: otherReplicaKey.privateKey }));
    expect(await openLeaseRequest(wrong.wire, responder())).toMatchObject({ ok: false, reason: 'bad_signature' });
  });

  test('is refused when the signer is enrolled but the request names another replica (S21)', async () => {
    const { wire } = await sealLeaseRequest(requested, requester());
    const forged = await sign(payloadOf(wire.request), typ.request, otherReplicaKey.privateKey, 'gateway-2');
    expect(await openLeaseRequest({ request: forged }, responder())).toMatchObject({ ok: false, reason: 'malformed' });
  });

  test.each([61_000, -61_000])('is refused when it is %i ms off (S21)', async (offset) => {
    const { wire } = await sealLeaseRequest(requested, requester({ clock: () => NOW + offset }));
    expect(await openLeaseRequest(wire, responder())).toMatchObject({ ok: false, reason: 'stale' });
  });

  test('is refused when its token was sealed to another key (S21)', async () => {
    const { wire } = await sealLeaseRequest(requested, requester({ leasePublicKey: otherLease.publicKey }));
    expect(await openLeaseRequest(wire, responder())).toMatchObject({
      ok: false,
      reason: 'token_not_sealed_for_this_request',
    });
  });

  test.each(['nonce', 'ephemeralKey', 'replica'] as const)(
    'made by a stolen gateway identity around a sealed token seen on the bus is refused: other %s (B17) (S21)',
    async (changed) => {
      const seen = payloadOf((await sealLeaseRequest(requested, requester())).wire.request);
      const thief = payloadOf(
        (await sealLeaseRequest(requested, requester({ replica: 'gateway-2', replicaKey: otherReplicaKey.privateKey })))
          .wire.request,
      );
      const forged = { ...seen, [changed]: thief[changed] };
      const wire = {
        request: await sign(
          forged,
          typ.request,
          (changed === 'replica' ? otherReplicaKey : replicaKey).privateKey,
          forged.replica,
        ),
      };
      expect(await openLeaseRequest(wire, responder())).toMatchObject({
        ok: false,
        reason: 'token_not_sealed_for_this_request',
      });
    },
  );

  test('is refused as another kind of JWS, as an unsigned one, or as no JWS at all (S21)', async () => {
    const { wire } = await sealLeaseRequest(requested, requester());
    const otherTyp = await sign(payloadOf(wire.request), typ.answer, replicaKey.privateKey, 'gateway-1');
    expect(await openLeaseRequest({ request: otherTyp }, responder())).toMatchObject({
      ok: false,
      reason: 'bad_signature',
    });
    const unsigned = `${Buffer.from(JSON.stringify({ alg: 'none', typ: typ.request, kid: 'gateway-1' })).toString('base64url')}.${wire.request.split('.')[1]}.`;
    expect(await openLeaseRequest({ request: unsigned }, responder())).toMatchObject({
      ok: false,
      reason: 'bad_signature',
    });
    const oversized = { request: `${wire.request}${'A'.repeat(65_536)}` };
    expect(await openLeaseRequest(oversized, responder())).toMatchObject({ ok: false, reason: 'malformed' });
    for (const garbage of [undefined, {}, { request: 'x' }, { request: 1 }, 'x'])
      expect(await openLeaseRequest(garbage, responder())).toMatchObject({ ok: false, reason: 'malformed' });
  });

  test('is refused when its inner envelope uses another algorithm (S21)', async () => {
    const { wire } = await sealLeaseRequest(requested, requester());
    const request = payloadOf(wire.request);
    const sealed = async (header: { alg: string; enc: string }) =>
      new CompactEncrypt(new TextEncoder().encode(JSON.stringify({ token: 't' })))
        .setProtectedHeader({ ...header, typ: typ.sealedToken })
        .encrypt(lease.publicKey);
    for (const header of [
      { alg: 'ECDH-ES+A256KW', enc: 'A256GCM' },
      { alg: 'ECDH-ES', enc: 'A256CBC-HS512' },
    ]) {
      const forged = {
        ...request,
        nonce: `${request.nonce.slice(0, 24)}${header.alg.length}${header.enc.length}`,
        sealedToken: await sealed(header),
      };
      expect(
        await openLeaseRequest(
          { request: await sign(forged, typ.request, replicaKey.privateKey, 'gateway-1') },
          responder(),
        ),
      ).toMatchObject({ ok: false, reason: 'token_not_sealed_for_this_request' });
    }
  });
});

describe('a lease answer', () => {
  const subject = { userId: 'usr_a', clientId: 'agent-a', sid: 'ses_a', policyRevision: 7 };
  const ask = async () => {
    const { wire, expectation } = await sealLeaseRequest(requested, requester());
    return { expectation, request: opened(await openLeaseRequest(wire, responder())) };
  };
  const trust = () => ({ leaseSigningPublicKey: signing.publicKey });
  const failing = (check: string) => expect.objectContaining({ code: 'lease_answer_invalid', detail: { check } });
  const leaseSigning = () => ({ kid: 'lease-signing', privateKey: signing.privateKey });

  test('opens for the replica that asked and for nobody else (B17) (S21)', async () => {
    const { request, expectation } = await ask();
    const wire = await sealLeaseAnswer(granted, request, subject, leaseSigning());
    expect(await openLeaseAnswer(wire, expectation, trust())).toEqual(granted);
    expect(JSON.stringify(wire)).not.toContain('downstream');
    const another = await ask();
    await expect(openLeaseAnswer(wire, another.expectation, trust())).rejects.toThrow(failing('decryption'));
  });

  test('forged by someone who saw the request is refused: only the control plane can sign it (S21)', async () => {
    const { request, expectation } = await ask();
    const forged = await sealLeaseAnswer(granted, request, subject, {
      kid: 'lease-signing',
      privateKey: otherSigning.privateKey,
    });
    await expect(openLeaseAnswer(forged, expectation, trust())).rejects.toThrow(failing('signature'));
  });

  test.each([
    ['nonce', { nonce: 'another-nonce-another-nonce' }],
    ['ephemeralKeyThumbprint', { ephemeralKeyThumbprint: 'x' }],
    ['replica', { replica: 'gateway-2' }],
    ['userId', { userId: 'usr_b' }],
    ['clientId', { clientId: 'agent-b' }],
    ['sid', { sid: 'ses_b' }],
    ['server', { server: 'mail' }],
    ['targetOrigin', { targetOrigin: 'https://evil.example' }],
    ['policyRevision', { policyRevision: 6 }],
    ['shape', { outcome: { ...granted, expiresInSeconds: 901 } }],
    ['headers', { outcome: { ...granted, headers: { Host: 'evil.example' } } }],
    ['headers', { outcome: { ...granted, headers: { 'Mcp-Session-Id': 'x' } } }],
  ] satisfies [string, Partial<LeaseAnswer>][])(
    'about another %s is refused, although the control plane signed it (S20) (S21)',
    async (check, changed) => {
      const { request, expectation } = await ask();
      const wire = await answerWith(request, changed);
      await expect(openLeaseAnswer(wire, expectation, trust())).rejects.toThrow(failing(check));
    },
  );

  test('under an older policy may say "not now", and nothing else (S21)', async () => {
    const { request, expectation } = await ask();
    const notNow: LeaseOutcome = { type: 'provider_unavailable', retryAfterSeconds: 1 };
    expect(
      await openLeaseAnswer(await answerWith(request, { policyRevision: 6, outcome: notNow }), expectation, trust()),
    ).toEqual(notNow);
    for (const outcome of [
      granted,
      { type: 'connect_required', url: 'https://cp.example/connect/x', message: 'x' },
      { type: 'refused', reason: 'target_origin' },
    ] satisfies LeaseOutcome[]) {
      await expect(
        openLeaseAnswer(await answerWith(request, { policyRevision: 6, outcome }), expectation, trust()),
      ).rejects.toThrow(failing('policyRevision'));
    }
  });

  test('that the token is not accepted is told to the replica that asked, and can be forged by nobody (S21)', async () => {
    const { request, expectation } = await ask();
    const wire = await sealTokenRefusal(request, leaseSigning());
    expect(await openLeaseAnswer(wire, expectation, trust())).toEqual({ type: 'token_refused' });
    const another = await ask();
    await expect(openLeaseAnswer(wire, another.expectation, trust())).rejects.toThrow(failing('decryption'));
    const forged = await sealTokenRefusal(request, { kid: 'lease-signing', privateKey: otherSigning.privateKey });
    await expect(openLeaseAnswer(forged, expectation, trust())).rejects.toThrow(failing('signature'));
    for (const name of ['nonce', 'replica', 'server', 'targetOrigin'] as const)
      await expect(openLeaseAnswer(wire, { ...expectation, [name]: 'another' }, trust())).rejects.toThrow(
        failing(name),
      );
  });

  test('without a caller grants nothing, whatever it says (S21)', async () => {
    const { request, expectation } = await ask();
    const nobodys = await answerWith(request, { userId: undefined, clientId: undefined, sid: undefined });
    await expect(openLeaseAnswer(nobodys, expectation, trust())).rejects.toThrow(failing('shape'));
  });

  test('decided under a newer policy is accepted', async () => {
    const { request, expectation } = await ask();
    expect(await openLeaseAnswer(await answerWith(request, { policyRevision: 8 }), expectation, trust())).toEqual(
      granted,
    );
  });

  test('replayed from an earlier request of the same replica is refused (S21)', async () => {
    const earlier = await ask();
    const wire = await sealLeaseAnswer(granted, earlier.request, subject, leaseSigning());
    const later: LeaseExpectation = {
      ...(await ask()).expectation,
      ephemeralPrivateKey: earlier.expectation.ephemeralPrivateKey,
    };
    await expect(openLeaseAnswer(wire, later, trust())).rejects.toThrow(failing('nonce'));
  });

  test('in another envelope is refused: other algorithm, other typ, not signed, none at all (S21)', async () => {
    const { request, expectation } = await ask();
    const recipient = await recipientOf(request.request);
    const jws = await sign(answerFor(request), typ.answer, signing.privateKey, 'k');
    const bytes = new TextEncoder().encode(jws);
    const kw = await new CompactEncrypt(bytes)
      .setProtectedHeader({ alg: 'ECDH-ES+A256KW', enc: 'A256GCM', typ: typ.sealedAnswer })
      .encrypt(recipient);
    const cbc = await new CompactEncrypt(bytes)
      .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A128CBC-HS256', typ: typ.sealedAnswer })
      .encrypt(recipient);
    const compressed = await new CompactEncrypt(bytes)
      .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', typ: typ.sealedAnswer, zip: 'DEF' })
      .encrypt(recipient);
    const otherTyp = await encrypt(jws, typ.sealedToken, recipient);
    for (const answer of [kw, cbc, compressed, otherTyp, jws])
      await expect(openLeaseAnswer({ answer }, expectation, trust())).rejects.toThrow(failing('decryption'));
    const plain = await encrypt(JSON.stringify(answerFor(request)), typ.sealedAnswer, recipient);
    const rsTyp = await encrypt(
      await sign(answerFor(request), typ.request, signing.privateKey, 'k'),
      typ.sealedAnswer,
      recipient,
    );
    const es256 = await generateKeyPair('ES256');
    const otherAlg = await encrypt(
      await new CompactSign(new TextEncoder().encode('{}'))
        .setProtectedHeader({ alg: 'ES256', typ: typ.answer })
        .sign(es256.privateKey),
      typ.sealedAnswer,
      recipient,
    );
    const otherName = await encrypt(
      await new CompactSign(new TextEncoder().encode(JSON.stringify(answerFor(request))))
        .setProtectedHeader({ alg: 'Ed25519', typ: typ.answer })
        .sign(signing.privateKey),
      typ.sealedAnswer,
      recipient,
    );
    for (const answer of [plain, rsTyp, otherAlg, otherName])
      await expect(openLeaseAnswer({ answer }, expectation, trust())).rejects.toThrow(failing('signature'));
    for (const wire of [undefined, {}, { refused: 'x' }, { answer: 'A'.repeat(262_145) }])
      await expect(openLeaseAnswer(wire, expectation, trust())).rejects.toThrow(failing('envelope'));
  });

  const answerFor = ({
    request,
    ephemeralKeyThumbprint,
  }: {
    request: LeaseRequest;
    ephemeralKeyThumbprint: string;
  }): LeaseAnswer => ({
    v: 1,
    nonce: request.nonce,
    ephemeralKeyThumbprint,
    replica: request.replica,
    ...subject,
    server: request.server,
    targetOrigin: request.targetOrigin,
    outcome: granted,
  });
  async function answerWith(
    request: { request: LeaseRequest; ephemeralKeyThumbprint: string },
    changed: { readonly [field in keyof LeaseAnswer]?: LeaseAnswer[field] | undefined },
  ) {
    const recipient = await recipientOf(request.request);
    return {
      answer: await encrypt(
        await sign({ ...answerFor(request), ...changed }, typ.answer, signing.privateKey, 'k'),
        typ.sealedAnswer,
        recipient,
      ),
    };
  }
});

test('the ephemeral key is made per request and cannot leave the process (S21)', async () => {
  const [a, b] = await Promise.all([
    sealLeaseRequest(requested, requester()),
    sealLeaseRequest(requested, requester()),
  ]);
  expect(a.expectation.ephemeralKeyThumbprint).not.toBe(b.expectation.ephemeralKeyThumbprint);
  await expect(exportJWK(a.expectation.ephemeralPrivateKey)).rejects.toThrow(/extractable/);
});

test('nonces are forgotten when their time is over, and a full memory refuses rather than forgets (S21)', () => {
  const nonces = new MemorySeenNonces(2);
  const remember = (nonce: string, now: number, forgetAt: number) =>
    nonces.remember(nonce, { replica: nonce, userId: nonce }, now, forgetAt);
  expect([
    remember('a', 0, 10),
    remember('a', 9, 20),
    remember('a', 10, 20),
    remember('b', 11, 20),
    remember('c', 12, 20),
    remember('c', 21, 30),
  ]).toEqual(['new', 'seen', 'new', 'new', 'full', 'new']);
});

test('a memory of nonces is full for the user, and for the gateway, that it is full of, and for no other (S21, S32)', () => {
  const nonces = new MemorySeenNonces(900);
  let nonce = 0;
  const ask = (replica: string, userId: string) =>
    nonces.remember(String((nonce += 1)), { replica, userId }, 0, 60_000);
  const untilFull = (replica: string, nextUser: () => string) => {
    let count = 0;
    while (count < 1_000 && ask(replica, nextUser()) === 'new') count += 1;
    return count;
  };
  expect(untilFull('gateway-1', () => 'greedy')).toBe(100);
  expect([ask('gateway-2', 'greedy'), ask('gateway-1', 'other'), ask('gateway-2', 'other')]).toEqual([
    'full',
    'new',
    'new',
  ]);
  let users = 0;
  expect(untilFull('gateway-1', () => `user-${(users += 1)}`)).toBeLessThan(700);
  expect([ask('gateway-1', 'late'), ask('gateway-2', 'late')]).toEqual(['full', 'new']);
});
