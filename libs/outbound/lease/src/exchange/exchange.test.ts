import type { SignInExchangeRequest } from '@sallyport/messages';
import { generateKeyPair, type CryptoKey } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { askForExchange, type ExchangeRequester, type RequestedExchange } from './ask-for-exchange.js';
import { MemorySeenNonces } from '../seen-nonces.js';
import { openExchangeRequest } from './open-exchange-request.js';
import { sealExchangeAnswer } from './seal-exchange-answer.js';

const requested: RequestedExchange = {
  userId: 'usr_alice',
  clientId: 'agent-1',
  sid: 'ses_1',
  server: 'crm',
  credentialProvider: 'crm-derived',
  pins: { serverUrl: 'https://crm.example/mcp', serverResource: null, providerDigest: 'digest' },
};
const exchanged = { type: 'exchanged', token: 'derived-token', expiresAt: null } as const;

/** What the master key does: what was not sealed with it, for this, does not open. */
const seal = (purpose: string, plaintext: string, binding: string, key = 'master') =>
  Buffer.from(JSON.stringify({ purpose, plaintext, binding, key }));
const open: ExchangeRequester['open'] = (purpose, sealed, binding) => {
  const { plaintext, ...box } = JSON.parse(Buffer.from(sealed).toString()) as Record<string, string>;
  expect(box).toEqual({ purpose, binding, key: 'master' });
  return Buffer.from(plaintext ?? '');
};

let controlPlane: { privateKey: CryptoKey; publicKey: CryptoKey };
beforeAll(async () => {
  controlPlane = await generateKeyPair('EdDSA');
});
const openWith = (payload: unknown, changes: { now?: number; seenNonces?: MemorySeenNonces; key?: CryptoKey } = {}) =>
  openExchangeRequest(payload, {
    controlPlaneKey: changes.key ?? controlPlane.publicKey,
    seenNonces: changes.seenNonces ?? new MemorySeenNonces(),
    clock: () => changes.now ?? 1_000_000,
  });
const ask = (send: ExchangeRequester['send'], changes: Partial<ExchangeRequester> = {}) =>
  askForExchange(requested, { signingKey: controlPlane.privateKey, open, send, clock: () => 1_000_000, ...changes });
const answering = (change: (request: SignInExchangeRequest) => Promise<unknown>) => async (payload: unknown) =>
  change((await openWith(payload)) ?? expect.fail('not taken'));
/** The request as it goes over the bus. */
async function requestWire(changes: Partial<ExchangeRequester> = {}): Promise<unknown> {
  let wire: unknown;
  await ask((sent) => {
    wire = sent;
    return Promise.resolve({});
  }, changes);
  return wire;
}

describe('an exchange of a sign-in', () => {
  test('is asked for by the control plane and answered to it alone (S21)', async () => {
    expect(await ask(answering((request) => sealExchangeAnswer(exchanged, request, seal)))).toEqual(exchanged);
    expect(await openWith(await requestWire())).toMatchObject(requested);
  });
  test('that was not taken has no answer', async () => expect(await ask(() => Promise.resolve({}))).toBeUndefined());
  test('is taken of nobody else, not late, and once (S21, S26)', async () => {
    const [wire, seenNonces] = [await requestWire(), new MemorySeenNonces()];
    expect(await openWith(wire, { key: (await generateKeyPair('EdDSA')).publicKey })).toBeUndefined();
    for (const now of [1_060_001, 939_999]) expect(await openWith(wire, { now })).toBeUndefined();
    expect([(await openWith(wire, { seenNonces }))?.sid, await openWith(wire, { seenNonces })]).toEqual([
      'ses_1',
      undefined,
    ]);
  });
  test.each<[string, (request: SignInExchangeRequest) => Promise<unknown>]>([
    ['that is none', () => Promise.resolve({ answer: 'x' })],
    [
      'of somebody without the master key',
      (request) =>
        sealExchangeAnswer(exchanged, request, (...[purpose, plaintext, binding]) =>
          seal(purpose, plaintext, binding, 'another'),
        ),
    ],
    ['to another request', (request) => sealExchangeAnswer(exchanged, { ...request, nonce: 'n'.repeat(32) }, seal)],
    ['about another session', (request) => sealExchangeAnswer(exchanged, { ...request, sid: 'ses_2' }, seal)],
    ["about another agent's", (request) => sealExchangeAnswer(exchanged, { ...request, clientId: 'agent-2' }, seal)],
    [
      'that says something else inside',
      (request) =>
        sealExchangeAnswer(exchanged, request, (purpose, plaintext, binding) =>
          seal(purpose, plaintext.replace('usr_alice', 'usr_bob'), binding),
        ),
    ],
    [
      'sealed for something else',
      (request) =>
        sealExchangeAnswer(exchanged, request, (_purpose, plaintext, binding) =>
          seal('connection', plaintext, binding),
        ),
    ],
  ])('believes no answer %s (S21)', async (_name, change) => {
    await expect(ask(answering(change))).rejects.toMatchObject({ code: 'exchange_answer_invalid' });
  });
  test('has an answer that nobody can read who did not ask (S21, B17)', async () => {
    let answer: unknown;
    await ask(answering(async (request) => (answer = await sealExchangeAnswer(exchanged, request, seal))));
    expect(Buffer.from(JSON.stringify(answer)).toString('latin1')).not.toContain('derived-token');
    await expect(ask(() => Promise.resolve(answer))).rejects.toMatchObject({ code: 'exchange_answer_invalid' });
  });
});
