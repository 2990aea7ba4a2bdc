import { exportJWK, generateKeyPair } from 'jose';
import type { CryptoKey } from 'jose';
import { createSnapshot, Document, documentMap, RevocationIndex } from '@sallyport/configuration';
import type { Revocation } from '@sallyport/configuration/log';
import { MemorySeenNonces, openLeaseRequest, sealLeaseAnswer } from '@sallyport/lease';
import { newId } from '@sallyport/kernel';
import type { LeaseOutcome } from '@sallyport/messages';
import { compilePolicies, decide } from '@sallyport/policy';
import type { Caller, Permit } from '@sallyport/policy';
import { beforeAll, describe, expect, test } from 'vitest';
import { CredentialLeases } from './credential-leases.js';
import type { LeaseTarget } from './credential-leases.js';
import { forward } from './forward.js';
import { withLease } from './with-lease.js';

const start = 1_800_000_000_000;
const documents = [
  { kind: 'McpServer', name: 'notes', spec: { url: 'https://notes.example/mcp' } },
  { kind: 'McpServer', name: 'mail', spec: { url: 'https://mail.example/mcp' } },
  { kind: 'CredentialProvider', name: 'notes', spec: { type: 'none', server: 'notes' } },
  { kind: 'CredentialProvider', name: 'mail', spec: { type: 'none', server: 'mail' } },
  { kind: 'AccessPolicy', name: 'in', spec: { hop: 'client-to-gateway' } },
  {
    kind: 'AccessPolicy',
    name: 'notes',
    spec: { hop: 'gateway-to-server', server: 'notes', credentialProvider: 'notes' },
  },
  {
    kind: 'AccessPolicy',
    name: 'mail',
    spec: { hop: 'gateway-to-server', server: 'mail', credentialProvider: 'mail' },
  },
].map((document) => Document.parse(document));

let keys: {
  replica: { privateKey: CryptoKey; publicKey: CryptoKey };
  lease: { privateKey: CryptoKey; publicKey: CryptoKey };
  signing: { kid: string; algorithm: 'EdDSA'; privateKey: CryptoKey; publicKey: CryptoKey; publicJwk: object };
};
beforeAll(async () => {
  const signing = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  keys = {
    replica: await generateKeyPair('EdDSA', { crv: 'Ed25519' }),
    lease: await generateKeyPair('ECDH-ES', { crv: 'P-256' }),
    signing: { kid: 's', algorithm: 'EdDSA', ...signing, publicJwk: await exportJWK(signing.publicKey) },
  };
});

function world() {
  const revocations = new RevocationIndex(() => state.now);
  const state = {
    now: start,
    asked: 0,
    askers: [] as string[],
    busy: undefined as object | undefined,
    outcome: undefined as LeaseOutcome | undefined,
    broken: false,
    meanwhile: () => undefined as void,
    wrongOrigin: false,
    policies: [] as (string | undefined)[],
    stepUps: [] as unknown[],
  };
  const snapshot = createSnapshot({ epoch: 'e', revision: 3, documents: documentMap(documents), revocations });
  const granted = (revision = 1): LeaseOutcome => ({
    type: 'granted',
    headers: { authorization: `Bearer secret-credential-${revision}` },
    connectionId: 'con_1',
    connectionRevision: revision,
    expiresInSeconds: 300,
  });
  const responder = {
    enrolledKeys: { find: async () => keys.replica.publicKey, names: () => [] },
    leasePrivateKey: keys.lease.privateKey,
    clock: () => state.now,
    seenNonces: new MemorySeenNonces(),
  };
  const leases = new CredentialLeases({
    requester: {
      replica: 'gateway-1',
      replicaKey: keys.replica.privateKey,
      leasePublicKey: keys.lease.publicKey,
      clock: () => state.now,
    },
    leaseSigningPublicKey: keys.signing.publicKey,
    clock: () => state.now,
    random: () => 0,
    send: async (wire) => {
      state.asked += 1;
      state.askers.push(wire.asker);
      if (state.broken) throw new Error('nobody answers');
      if (state.busy) return state.busy;
      const opened = await openLeaseRequest(wire, responder);
      if (!opened.ok) throw new Error(opened.reason);
      state.policies.push(opened.request.policy);
      state.stepUps.push(opened.request.stepUp);
      const [userId = '', clientId = '', sid = ''] = opened.token.split(' ');
      const request = state.wrongOrigin
        ? { ...opened, request: { ...opened.request, targetOrigin: 'https://evil.example' } }
        : opened;
      const answer = await sealLeaseAnswer(
        state.outcome ?? granted(),
        request,
        { userId, clientId, sid, policyRevision: 3 },
        keys.signing,
      );
      state.meanwhile();
      return answer;
    },
  });
  const permitFor = (caller: Caller, server = 'notes'): Permit => {
    const decision = decide(compilePolicies(snapshot), caller, {
      server,
      action: { type: 'connect' },
      sourceIp: null,
      now: state.now,
    });
    if (decision.outcome !== 'allow') throw new Error(decision.outcome);
    return decision.permit;
  };
  const target = (caller: Caller, change: Partial<LeaseTarget> = {}): LeaseTarget => ({
    token: `${caller.userId} ${caller.clientId} ${caller.sid}`,
    targetOrigin: 'https://notes.example',
    documentsGeneration: 1,
    revocations,
    ...change,
  });
  const ask = (caller: Caller, change?: Partial<LeaseTarget>) =>
    leases.lease(permitFor(caller), target(caller, change));
  return { state, leases, ask, permitFor, target, granted, revocations, snapshot };
}
const someone = (): Caller => ({
  userId: newId('usr'),
  sid: newId('ses'),
  trustProvider: 'demo',
  subject: 'x',
  clientId: 'agent',
  agentName: 'Agent',
  agentAssurance: 'asserted',
  isKeyBound: false,
  scopes: new Set(),
  roles: [],
  groups: [],
  authTime: 0,
  issuedAt: start / 1000,
  expiresAt: start / 1000 + 900,
  acr: undefined,
  amr: [],
});

describe('a lease', () => {
  test('is asked for once by callers that ask together, then remembered until shortly before its end (R45)', async () => {
    const { state, ask } = world();
    const alice = someone();
    const [first, second] = await Promise.all([ask(alice), ask(alice)]);
    expect(first).toEqual(second);
    await ask(alice);
    expect(state.asked).toBe(1);
    state.now += 271_000;
    await ask(alice);
    expect([state.asked, state.policies]).toEqual([2, ['notes', 'notes']]);
  });
  test("is nobody else's: neither another user's, agent's nor session's (R34) (R4)", async () => {
    const { state, ask } = world();
    const alice = someone();
    await ask(alice);
    for (const other of [someone(), { ...alice, clientId: 'other' }, { ...alice, sid: newId('ses') }]) await ask(other);
    expect(state.asked).toBe(4);
  });
  test('is asked for anew when documents changed, for another origin, and after a change of the connection', async () => {
    const { state, ask, leases } = world();
    const alice = someone();
    await ask(alice);
    await ask(alice, { documentsGeneration: 2 });
    expect(state.asked).toBe(2);
    leases.drop({ v: 1, connectionId: 'con_1', userId: alice.userId, server: 'notes', connectionRevision: 2 });
    await ask(alice, { documentsGeneration: 2 });
    expect(state.asked).toBe(3);
    leases.drop({ v: 1, connectionId: 'con_other', userId: alice.userId, server: 'notes', connectionRevision: 2 });
    await ask(alice, { documentsGeneration: 2 });
    expect(state.asked).toBe(3);
  });
  test('that was on its way when its connection changed is used once and not kept', async () => {
    const { state, ask, leases } = world();
    const alice = someone();
    state.meanwhile = () =>
      leases.drop({ v: 1, connectionId: 'con_1', userId: alice.userId, server: 'notes', connectionRevision: 2 });
    expect((await ask(alice)).type).toBe('granted');
    state.meanwhile = () => undefined;
    await ask(alice);
    expect(state.asked).toBe(2);
  });
  test('is another one where policy names another credential (R27)', async () => {
    const { state, leases, permitFor, target } = world();
    const alice = someone();
    const permit = permitFor(alice);
    await leases.lease(permit, target(alice));
    await leases.lease({ ...permit, credentialProvider: 'notes-of-administrators' }, target(alice));
    expect(state.asked).toBe(2);
  });
  test.each<Revocation['subject']>([
    { type: 'connection', connectionId: 'con_1' },
    { type: 'server', server: 'notes' },
  ])('of a revoked $type is void at once (R6)', async (subject) => {
    const { state, ask, revocations } = world();
    const alice = someone();
    await ask(alice);
    revocations.add([{ id: 'rev_1', subject, notBefore: start / 1000 + 10, expiresAt: null }]);
    await ask(alice);
    expect(state.asked).toBe(2);
  });
  test('that a server rejected is replaced by a newer one, which others may have got already', async () => {
    const { state, ask, leases, permitFor, target, granted } = world();
    const alice = someone();
    const first = await ask(alice);
    if (first.type !== 'granted') throw new Error(first.type);
    state.outcome = granted(2);
    const second = await leases.lease(permitFor(alice), target(alice), { lease: first.lease });
    const again = await leases.lease(permitFor(alice), target(alice), { lease: first.lease });
    expect([second, state.asked]).toEqual([again, 2]);
  });
  test('that lacks scopes is asked about by name, once; it goes on serving what it is enough for (S24)', async () => {
    const { state, leases, permitFor, target } = world();
    const alice = someone();
    const step: LeaseOutcome = { type: 'connect_required', url: 'https://control.example/connect/x', message: 'More.' };
    const used: string[] = [];
    const call = () =>
      withLease(leases, permitFor(alice), target(alice), async (lease) => {
        used.push(lease.credential().headers['authorization'] ?? '');
        state.outcome = step;
        return { type: 'failed', challenge: 'Bearer error="insufficient_scope", scope="notes.write"' };
      });
    expect(await call()).toEqual(step);
    expect([used.length, state.stepUps]).toEqual([1, [undefined, { connectionRevision: 1, scopes: ['notes.write'] }]]);
    expect(await leases.lease(permitFor(alice), target(alice))).toMatchObject({ type: 'granted' });
    expect(state.asked).toBe(2);
  });
  test('with more scopes is used once; what a server refuses again stays refused (S24)', async () => {
    const { state, leases, permitFor, target, granted } = world();
    const alice = someone();
    const used: string[] = [];
    const failed = { type: 'failed', challenge: 'Bearer error="insufficient_scope", scope="notes.write"' };
    const outcome = await withLease(leases, permitFor(alice), target(alice), async (lease) => {
      used.push(lease.credential().headers['authorization'] ?? '');
      state.outcome = granted(2);
      return failed;
    });
    expect(outcome).toMatchObject({ type: 'used', value: failed });
    expect(used).toEqual(['Bearer secret-credential-1', 'Bearer secret-credential-2']);
  });
  test('is not asked about when a server merely says no', async () => {
    const { state, leases, permitFor, target } = world();
    const alice = someone();
    const outcome = await withLease(leases, permitFor(alice), target(alice), async () => ({
      type: 'failed',
      challenge: 'Bearer error="invalid_request"',
    }));
    expect([outcome.type, state.asked]).toEqual(['used', 1]);
  });
  test('for another origin than the one about to be called is refused (S20)', async () => {
    const { state, ask } = world();
    state.wrongOrigin = true;
    expect(await ask(someone())).toEqual({ type: 'provider_unavailable', retryAfterSeconds: undefined });
  });
  test.each<LeaseOutcome>([
    { type: 'provider_unavailable', retryAfterSeconds: 30 },
    { type: 'refused', reason: 'secret_missing' },
  ])(
    'that is denied for a reason no click mends ($type) is not asked for again for a second, unless its connection changes',
    async (outcome) => {
      const { state, leases, ask } = world();
      const alice = someone();
      state.outcome = outcome;
      expect([await ask(alice), await ask(alice), state.asked]).toEqual([outcome, outcome, 1]);
      await ask(someone());
      expect(state.asked).toBe(2);
      state.now += 1_000;
      await ask(alice);
      expect(state.asked).toBe(3);
      leases.drop({ v: 1, connectionId: 'con_1', userId: alice.userId, server: 'notes', connectionRevision: 2 });
      state.outcome = undefined;
      expect((await ask(alice)).type).toBe('granted');
    },
  );
  test('that the user can connect is asked for each time: the click may have come', async () => {
    const { state, ask } = world();
    const alice = someone();
    state.outcome = { type: 'connect_required', url: 'https://control.example/connect/x', message: 'Connect.' };
    await ask(alice);
    await ask(alice);
    expect(state.asked).toBe(2);
  });
  test('that nobody answers is unavailable, and asked for again ever later, however often an agent asks (S34)', async () => {
    const { state, ask } = world();
    const alice = someone();
    state.broken = true;
    const askedAfter = async (ms: number) => {
      const before = state.asked;
      for (let waited = 0; waited < ms; waited += 50) {
        expect((await ask(alice)).type).toBe('provider_unavailable');
        state.now += 50;
      }
      return state.asked - before;
    };
    expect([
      await askedAfter(250),
      await askedAfter(500),
      await askedAfter(1_000),
      await askedAfter(2_000),
      await askedAfter(20_000),
    ]).toEqual([1, 1, 1, 1, 5]);
    expect((await ask(someone())).type).toBe('provider_unavailable');
    state.broken = false;
    expect((await ask(someone())).type).toBe('granted');
    state.now += 5_000;
    expect((await ask(alice)).type).toBe('granted');
  });
  test('that a busy control plane turned away is unavailable for as long as it says, and the request says whose work it is (S32, S34)', async () => {
    const { state, ask } = world();
    const alice = someone();
    state.busy = { busy: { retryAfterMs: 1_500 } };
    expect(await ask(alice)).toEqual({ type: 'provider_unavailable', retryAfterSeconds: 2 });
    await ask(alice);
    expect([state.asked, state.askers]).toEqual([1, [alice.userId]]);
    state.busy = undefined;
    state.now += 1_500;
    expect((await ask(alice)).type).toBe('granted');
  });
  test('never prints, and takes its own traces out of what a server says (R44)', async () => {
    const leased = await world().ask(someone());
    if (leased.type !== 'granted') throw new Error(leased.type);
    const { inspect } = await import('node:util');
    expect(inspect(leased.lease) + JSON.stringify(leased.lease)).not.toContain('secret-credential');
    expect(leased.lease.redact('{"a":"Bearer secret-credential-1"}')).toBe('{"a":"Bearer [redacted]"}');
  });
  test('takes out passwords too, and what is Base64 of more than the secret; other text it leaves as it came (R44)', async () => {
    const { state, ask, granted } = world();
    state.outcome = {
      ...granted(),
      headers: { authorization: `Basic ${Buffer.from('robot:hunter2-hunter2').toString('base64')}` },
    } as LeaseOutcome;
    const leased = await ask(someone());
    if (leased.type !== 'granted') throw new Error(leased.type);
    expect(leased.lease.redact('I am robot, hunter2-hunter2')).toBe('I am robot, [redacted]');
    for (const before of ['', 'a', 'ab', 'abc']) {
      const told = leased.lease.redact(Buffer.from(`${before}hunter2-hunter2 and more`).toString('base64'));
      expect(told).toContain('[redacted]');
      expect(Buffer.from(told.split('[redacted]').join(''), 'base64').toString()).not.toContain('hunter2-hun');
    }
    const text = '{"a": "\\u00e9\\n",  "b": 1.0}';
    expect(leased.lease.redactJson(text)).toBe(text);
    expect(leased.lease.redactJson('{"jsonrpc":"2.0","a":"\\u0041\\/"}')).toBe('{"jsonrpc":"2.0","a":"A/"}');
  });
  test.each([1, 2, 3, 7, 1_000])(
    'takes out secrets of a text that comes in pieces of %i, wherever they are cut (R44)',
    async (size) => {
      const { state, ask, granted } = world();
      state.outcome = { ...granted(), headers: { authorization: 'Bearer secret-credential-1' } } as LeaseOutcome;
      const leased = await ask(someone());
      if (leased.type !== 'granted') throw new Error(leased.type);
      async function* pieces() {
        const characters = Array.from(text);
        for (let i = 0; i < characters.length; i += size) yield Buffer.from(characters.slice(i, i + size).join(''));
      }
      const text = `${'before '.repeat(20)}secret-credential-1 ü ${'between '.repeat(20)}secret-credential-1`;
      let told = '';
      for await (const piece of leased.lease.redactPieces(pieces())) told += Buffer.from(piece).toString();
      expect(told).toBe(text.replaceAll('secret-credential-1', '[redacted]'));
    },
  );
  test.each([
    [{ 'x-api-key': 'key-0123456789' }, 'your key is [redacted]'],
    [{ 'x-auth': 'Key key-0123456789' }, 'your key is [redacted]'],
    [{ authorization: 'Token key-0123456789' }, 'your key is [redacted]'],
  ])('takes out secrets in headers of their own, with and without a prefix: %j (R44) (R43)', async (headers, told) => {
    const { state, ask, granted } = world();
    state.outcome = { ...granted(), headers } as LeaseOutcome;
    const leased = await ask(someone());
    if (leased.type !== 'granted') throw new Error(leased.type);
    expect(leased.lease.redact('your key is key-0123456789')).toBe(told);
  });
  test('cannot be used for what it was not leased for, whatever a programmer does (S20) (R28)', async () => {
    const { ask, permitFor, snapshot } = world();
    const alice = someone();
    const leased = await ask(alice);
    const [notes, mail] = [snapshot.get('McpServer', 'notes'), snapshot.get('McpServer', 'mail')];
    if (leased.type !== 'granted' || notes === undefined || mail === undefined) throw new Error('unreachable');
    const moved = { ...notes, spec: { ...notes.spec, url: 'https://evil.example/mcp' } };
    const options = {
      channel: {
        request: () => Promise.reject(new Error('was sent')),
        requestDirectly: () => undefined,
        sweep: () => undefined,
      },
      clientInfo: { name: 't', version: '1' },
      signal: new AbortController().signal,
      abilities: new Set<never>(),
      room: { take: () => true, give: () => undefined },
    };
    const request = { id: 1, method: 'tools/list', params: {}, meta: undefined };
    const attempts = [
      () => forward(permitFor(alice, 'mail'), leased.lease, mail, request, options),
      () => forward(permitFor(someone()), leased.lease, notes, request, options),
      () => forward(permitFor(alice), leased.lease, moved, request, options),
    ];
    for (const attempt of attempts) expect(attempt).toThrow('not leased for');
    await expect(forward(permitFor(alice), leased.lease, notes, request, options)).rejects.toThrow('was sent');
  });
});
