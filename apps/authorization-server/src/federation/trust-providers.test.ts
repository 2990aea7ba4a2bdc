import { Document } from '@sallyport/configuration';
import { SallyportError } from '@sallyport/kernel';
import { createLogger } from '@sallyport/telemetry';
import { expect, test } from 'vitest';
import { TrustProviders } from './trust-providers.js';

test('metadata that could not be read is not asked for again for seconds, whoever makes us look', async () => {
  const provider = Document.parse({
    kind: 'TrustProvider',
    name: 'test',
    spec: {
      displayName: 'Test',
      issuer: 'https://idp.example',
      clientId: 'sallyport',
      clientSecret: { env: 'UNUSED' },
      scopes: ['openid'],
      claims: { subject: 'sub' },
    },
  });
  if (provider.kind !== 'TrustProvider') throw new Error(provider.kind);
  const state = { now: 1_000_000, asked: 0, random: 0 };
  const fetch = Object.assign(
    async () => {
      state.asked += 1;
      return await Promise.resolve(new Response('', { status: 500 }));
    },
    { mayVisit: () => true, refuse: async () => undefined },
  );
  const providers = new TrustProviders({
    issuer: 'https://login.example',
    fetch,
    secret: async () => await Promise.resolve(undefined),
    clock: () => state.now,
    random: () => state.random,
  });
  const look = async () =>
    await providers
      .authorizationUrl(provider, { state: 's', nonce: 'n', codeVerifier: 'v'.repeat(43) }, { forceFreshSignIn: false })
      .catch((error: unknown) => error);
  const told = expect.objectContaining({
    code: 'trust_provider_unavailable',
    message: expect.stringContaining('its metadata cannot be read'),
  });
  expect(await Promise.all([look(), look()])).toEqual([told, told]);
  state.now += 1_999;
  expect([await look(), state.asked]).toEqual([told, 1]);
  state.now += 1;
  state.random = 1;
  expect([await look(), state.asked]).toEqual([told, 2]);
  state.now += 1_500;
  expect([await look(), state.asked]).toEqual([told, 3]);
});

test('an identity provider that is down is a line with the reason, and one when it is back, however often it is asked (B32)', async () => {
  const provider = Document.parse({
    kind: 'TrustProvider',
    name: 'test',
    spec: {
      issuer: 'https://idp.example',
      clientId: 'sallyport',
      tokenEndpointAuthMethod: 'none',
      claims: { subject: 'sub' },
    },
  });
  if (provider.kind !== 'TrustProvider') throw new Error(provider.kind);
  const metadata = {
    issuer: 'https://idp.example',
    authorization_endpoint: 'https://idp.example/authorize',
    token_endpoint: 'https://idp.example/token',
    code_challenge_methods_supported: ['S256'],
    id_token_signing_alg_values_supported: ['ES256'],
  };
  const state = { now: 1_000_000, metadata: 503, token: 200 };
  const fetch = Object.assign(
    async (url: unknown) => {
      const status = String(url).endsWith('/token') ? state.token : state.metadata;
      if (status === 0) throw new SallyportError('outbound_unreachable', 'idp.example cannot be reached.');
      return await Promise.resolve(Response.json(metadata, { status }));
    },
    { mayVisit: () => true, refuse: async () => undefined },
  );
  const lines: unknown[] = [];
  const logger = createLogger({
    name: 'test',
    level: 'info',
    destination: { write: (line: string) => void lines.push(JSON.parse(line)) },
  });
  const providers = new TrustProviders({
    issuer: 'https://login.example',
    fetch,
    secret: async () => await Promise.resolve(undefined),
    clock: () => state.now,
    random: () => 0,
    logger,
  });
  const ask = async (times: number) => {
    for (let time = 0; time < times; time++) {
      state.now += 5_000;
      await providers.requestToken(provider, { grant_type: 'x' }).catch(() => undefined);
    }
    return lines.splice(0);
  };
  const line = (level: string, about: object) => [expect.objectContaining({ level, trustProvider: 'test', ...about })];
  const token = 'https://idp.example/token';
  expect(await ask(3)).toEqual(
    line('warn', {
      err: expect.objectContaining({ message: expect.stringContaining('its metadata cannot be read') }),
      msg: 'an identity provider cannot be used',
    }),
  );
  state.metadata = 200;
  expect(await ask(3)).toEqual(line('info', { downForSeconds: 15, msg: 'an identity provider can be used again' }));
  state.token = 502;
  expect(await ask(3)).toEqual(
    line('warn', { address: token, reason: 'HTTP 502', msg: 'an identity provider does not answer as it should' }),
  );
  state.token = 0;
  expect(await ask(3)).toEqual([]);
  state.token = 200;
  expect(await ask(3)).toEqual(
    line('info', { address: token, downForSeconds: 30, msg: 'an identity provider answers again' }),
  );
});
