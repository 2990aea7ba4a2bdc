import { randomBytes } from 'node:crypto';
import type { Document } from '@sallyport/configuration';
import type { RunningService } from '@sallyport/process';
import { Secret } from '@sallyport/kernel';
import { subjects } from '@sallyport/messages';
import { eventually, makeDpopKey, type DpopKey } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ReplicaLink } from '../replicas/replica-link.js';
import { StateSealer } from '../session/state-sealer.js';
import { modernRequest, postInPieces, postByHand } from './world/by-hand.js';
import type { TestUser } from './world/gateway-world.js';
import { startTwoServers } from './world/two-servers.js';
import type { TwoServers } from './world/two-servers.js';

let place: TwoServers;
let replica: RunningService;
let key: DpopKey;
let other: DpopKey;
let alice: TestUser;
let bound: string;
beforeAll(async () => {
  place = await startTwoServers();
  replica = await place.world.startReplica('gateway-2');
  [key, other] = await Promise.all([makeDpopKey(), makeDpopKey()]);
  alice = place.newUser('alice');
  bound = await tokenFor(key);
  await eventually(() => replica.readiness().status === 'ready', { until: 'the other replica is ready' });
});
afterAll(async () => await place?.close());

const tokenFor = (of: DpopKey, claims: Record<string, unknown> = {}) =>
  place.world.token(alice, { cnf: { jkt: of.thumbprint }, ...claims });
const whoami = modernRequest('tools/call', { name: 'notes__whoami', arguments: {} });
const proofFor = (token: string, claims?: Record<string, unknown>, by = key) =>
  by.prove({ method: 'POST', url: place.world.url, token, ...(claims ? { claims } : {}) });
const show = (
  token: string,
  proof: string | undefined,
  { scheme = 'DPoP', url = place.world.url, request = whoami } = {},
) =>
  postByHand(url, token, {
    ...request,
    headers: {
      ...request.headers,
      authorization: `${scheme} ${token}`,
      ...(proof === undefined ? {} : { dpop: proof }),
    },
  });
/** Records arrive a little after the answer. */
const recorded = async (reason: string) =>
  await eventually(() => place.world.records.at(-1)?.reason === reason, { until: `the record says ${reason}` });
const challenge = (error: string) =>
  `DPoP error="${error}", algs="ES256 EdDSA Ed25519 PS256", resource_metadata="${new URL(place.world.url).origin}/.well-known/oauth-protected-resource/mcp"`;

describe('a token bound to a key', () => {
  test('calls a tool with a proof of that key, and the server sees neither (S7, S11)', async () => {
    const proof = await proofFor(bound);
    const answer = await show(bound, proof);
    expect([answer.status, answer.text.includes('alice')]).toEqual([200, true]);
    const seen = JSON.stringify(place.notes.seen.at(-1));
    expect([seen.includes(proof), seen.includes(bound), seen.toLowerCase().includes('"dpop"')]).toEqual([
      false,
      false,
      false,
    ]);
    expect(place.world.log()).not.toContain(proof);
  });
  test("is shown with a proof of each request's own, remembered or not (S7)", async () => {
    const proof = await proofFor(bound);
    expect([(await show(bound, proof)).status, (await show(bound, await proofFor(bound))).status]).toEqual([200, 200]);
    const again = await show(bound, proof);
    expect([again.status, again.headers.get('www-authenticate')]).toEqual([401, challenge('invalid_dpop_proof')]);
  });
  test('is shown at the address of one server with a proof for that address alone (S7)', async () => {
    const url = `${place.world.url}/notes`;
    const request = modernRequest('tools/call', { name: 'whoami', arguments: {} });
    expect((await show(bound, await proofFor(bound, { htu: url }), { url, request })).status).toBe(200);
    expect((await show(bound, await proofFor(bound), { url, request })).status).toBe(401);
    expect((await show(bound, await proofFor(bound, { htu: url }))).status).toBe(401);
  });
  test('is refused as a bearer token, also with its proof beside it (S7)', async () => {
    for (const proof of [undefined, await proofFor(bound)]) {
      const answer = await show(bound, proof, { scheme: 'Bearer' });
      expect([answer.status, answer.headers.get('www-authenticate'), answer.text]).toEqual([
        401,
        challenge('invalid_token'),
        '',
      ]);
    }
    await recorded('proof_required');
  });

  const now = () => Math.floor(Date.now() / 1000);
  const broken: [name: string, reason: string, proof: () => Promise<string | undefined>][] = [
    ['no proof', 'proof_missing', () => Promise.resolve(undefined)],
    ['a proof of another key', 'proof_key', () => proofFor(bound, {}, other)],
    ['a proof for another method', 'proof_method', () => proofFor(bound, { htm: 'GET' })],
    [
      'a proof for what the Host header could say',
      'proof_url',
      () => proofFor(bound, { htu: place.world.url.replace('127.0.0.1', 'localhost') }),
    ],
    ['a proof for another token', 'proof_token', () => proofFor('another')],
    ['a proof for no token', 'proof_token', () => key.prove({ method: 'POST', url: place.world.url })],
    ['a proof too old', 'proof_time', () => proofFor(bound, { iat: now() - 70 })],
    ['a proof from the future', 'proof_time', () => proofFor(bound, { iat: now() + 70 })],
    ['a proof too long', 'proof_too_large', () => proofFor(bound, { padding: 'x'.repeat(4_096) })],
    ['something else', 'proof_malformed', () => Promise.resolve('a.b.c')],
  ];
  test.each(broken)('with %s is refused, and nothing is done (S7, R12)', async (_name, reason, proof) => {
    const before = place.notes.seen.length;
    const answer = await show(bound, await proof());
    expect([answer.status, answer.headers.get('www-authenticate'), answer.text, place.notes.seen.length]).toEqual([
      401,
      challenge('invalid_dpop_proof'),
      '',
      before,
    ]);
    await recorded(reason);
  });
  test('with two proofs is refused, though either were good (RFC 9449 section 4.3)', async () => {
    const headers = {
      ...whoami.headers,
      authorization: `DPoP ${bound}`,
      dpop: [await proofFor(bound), await proofFor(bound)],
    };
    expect(await postInPieces(place.world.url, headers, [JSON.stringify(whoami.body)])).toBe(401);
    await recorded('proof_repeated');
  });
  test('that is bad for another reason is told so (S5)', async () => {
    const expired = await tokenFor(key, { iat: now() - 2_000, exp: now() - 1_000 });
    const answer = await show(expired, await proofFor(expired));
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, challenge('invalid_token')]);
  });
  test('that lacks a scope is asked for more in its own scheme (R31)', async () => {
    const document = place.documents.find(({ kind, name }) => kind === 'AccessPolicy' && name === 'notes');
    const role = { kind: 'Role', name: 'reader', spec: { scopes: ['notes.extra'] } } as unknown;
    await place.world.change({
      puts: [
        role as Document,
        { ...document, spec: { ...document?.spec, tools: [{ match: ['*'], scope: 'notes.extra' }] } } as Document,
      ],
    });
    try {
      let status = 0;
      let header: string | null = null;
      await eventually(async () => {
        const answer = await show(bound, await proofFor(bound));
        [status, header] = [answer.status, answer.headers.get('www-authenticate')];
        return status !== 200;
      });
      expect([status, header]).toEqual([
        403,
        expect.stringMatching(/^DPoP error="insufficient_scope".*scope="notes\.read notes\.extra"/),
      ]);
    } finally {
      await place.world.change({ puts: document ? [document] : [], deletes: [{ kind: 'Role', name: 'reader' }] });
      await eventually(async () => (await show(bound, await proofFor(bound))).status === 200);
    }
  });
});

test('a token bound to no key is refused with a proof, and good without: none beside a bearer token is looked at (S7)', async () => {
  const unbound = await place.world.token(alice);
  const answer = await show(unbound, await proofFor(unbound));
  expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, challenge('invalid_token')]);
  await recorded('not_bound');
  expect((await show(unbound, 'nonsense', { scheme: 'Bearer' })).status).toBe(200);
});

describe('another replica', () => {
  // Behind one address in truth; here each is told its own, so what it hears of is a proof for its own address.
  const there = () => `${replica.urls['gateway'] ?? ''}/mcp`;
  test('hears of a used proof without being asked, and refuses it (S7)', async () => {
    const audience = { aud: there() };
    const token = await tokenFor(key, audience);
    const spare = await key.prove({ method: 'POST', url: there(), token, claims: { jti: 'used-here' } });
    expect((await show(bound, await proofFor(bound, { jti: 'used-here' }))).status).toBe(200);
    // It has heard of this one once it has heard of a later one; what is told travels in order.
    let heard = false;
    const batches: unknown[] = [];
    const stop = await place.world.messaging.broadcast.subscribe(subjects.allGateways, (payload) => {
      batches.push(payload);
      heard = true;
    });
    expect((await show(bound, await proofFor(bound))).status).toBe(200);
    await eventually(() => heard);
    await stop();
    const answer = await show(token, spare, { url: there() });
    expect([answer.status, answer.headers.get('www-authenticate')?.includes('invalid_dpop_proof')]).toEqual([
      401,
      true,
    ]);
    expect((await show(token, await key.prove({ method: 'POST', url: there(), token }), { url: there() })).status).toBe(
      200,
    );
    expect(JSON.stringify(batches)).not.toContain(key.thumbprint);
  });
  test('believes nobody on the bus who has not the key of the gateways, and says that somebody spoke (S26)', async () => {
    const seen = [['A'.repeat(22), Math.floor(Date.now() / 1000) + 60]];
    const refusals = () => place.world.log().split('replica_message_not_ours').length;
    const before = refusals();
    const stranger = new ReplicaLink({
      messaging: place.world.messaging,
      sealer: new StateSealer([new Secret(randomBytes(32))]),
      replica: 'gateway-2',
      clock: Date.now,
    });
    await stranger.tellAll({ type: 'proofs-seen', seen: seen as [string, number][] });
    for (const nonsense of [
      null,
      { v: 1, seen },
      JSON.stringify([{ type: 'proofs-seen', seen }]),
      JSON.stringify({ from: 'gateway-2', sealed: JSON.stringify([{ type: 'proofs-seen', seen }]) }),
    ])
      await place.world.messaging.broadcast.publish(subjects.allGateways, nonsense);
    await eventually(() => refusals() - before >= 2 * 3, { until: 'both gateways refused what was said' });
    expect((await show(bound, await proofFor(bound))).status).toBe(200);
  });
});

describe('the metadata', () => {
  const metadata = async () =>
    (await (
      await fetch(`${new URL(place.world.url).origin}/.well-known/oauth-protected-resource/mcp`)
    ).json()) as Record<string, unknown>;
  test('names the algorithms, and requires proofs when no policy lets anybody in without (RFC 9728 section 2)', async () => {
    expect(await metadata()).toMatchObject({
      dpop_signing_alg_values_supported: ['ES256', 'EdDSA', 'Ed25519', 'PS256'],
    });
    expect(await metadata()).not.toHaveProperty('dpop_bound_access_tokens_required');
    const everyone = (agents?: object) =>
      ({
        kind: 'AccessPolicy',
        name: 'everyone',
        spec: { hop: 'client-to-gateway', ...(agents ? { agents } : {}) },
      }) as Document;
    await place.world.change({ puts: [everyone({ dpopBoundTokens: true })] });
    await eventually(async () => (await metadata())['dpop_bound_access_tokens_required'] === true);
    const unbound = await place.world.token(alice);
    expect((await show(unbound, undefined, { scheme: 'Bearer' })).json?.error?.code).toBe(-31401);
    expect((await show(bound, await proofFor(bound))).json?.error).toBeUndefined();
    await place.world.change({ puts: [everyone()] });
    await eventually(async () => !('dpop_bound_access_tokens_required' in (await metadata())));
  });
});
