import { expect, test } from 'vitest';
import { authorizationServerConfig, readAuthorizationServerEnvironment } from './config.js';

const required = {
  DATABASE_URL: 'postgresql://u:hunter2@db/sallyport',
  NATS_URL: 'nats://bus:4222',
  SALLYPORT_MASTER_KEY_FILE: '/keys/master.key',
  SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE: '/keys/configuration-signing.pub.jwk',
};

test('the environment becomes a configuration whose secrets do not print', () => {
  const config = authorizationServerConfig(
    readAuthorizationServerEnvironment({
      ...required,
      SALLYPORT_ISSUER: 'https://login.example',
      SALLYPORT_INTERNAL_URLS: 'http://authorization-server:7401',
    }),
  );
  expect(config).toMatchObject({
    issuer: 'https://login.example',
    internalUrls: ['http://authorization-server:7401'],
    port: 7401,
    replica: 'authorization-server',
    stalenessBoundMs: 300_000,
    trustedProxies: [],
  });
  expect(JSON.stringify(config)).not.toMatch(/hunter2/);
});

test.each([
  ['an unknown variable of ours', { SALLYPORT_ISSUR: 'https://login.example' }, 'SALLYPORT_ISSUR'],
  ['an issuer with a path', { SALLYPORT_ISSUER: 'https://login.example/tenant' }, 'SALLYPORT_ISSUER'],
  ['a missing database', { DATABASE_URL: undefined }, 'DATABASE_URL'],
  [
    'a service name that is not an origin',
    { SALLYPORT_INTERNAL_URLS: 'authorization-server' },
    'SALLYPORT_INTERNAL_URLS',
  ],
])('%s fails the start by name', (_what, change, name) => {
  expect(() => readAuthorizationServerEnvironment({ ...required, ...change })).toThrow(name);
});
