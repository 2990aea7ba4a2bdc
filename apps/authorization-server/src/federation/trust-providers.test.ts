import { Document } from '@sallyport/configuration';
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
    { mayVisit: () => true },
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
