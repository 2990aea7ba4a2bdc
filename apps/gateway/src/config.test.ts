import { expect, test } from 'vitest';
import { gatewayConfig, readGatewayEnvironment } from './config.js';

const needed = {
  NATS_URL: 'nats://127.0.0.1:4222',
  SALLYPORT_CONFIGURATION_PUBLIC_KEY_FILE: 'c.jwk',
  SALLYPORT_LEASE_PUBLIC_KEY_FILE: 'l.jwk',
  SALLYPORT_LEASE_SIGNING_PUBLIC_KEY_FILE: 's.jwk',
  SALLYPORT_GATEWAY_KEY_FILE: 'g.jwk',
  SALLYPORT_GATEWAY_STATE_KEY_FILES: 'state.key,old.key',
  SALLYPORT_SPOOL_DIR: 'spool',
};

test('the environment of a gateway names its keys and its spool, the rest has defaults', () => {
  expect(
    gatewayConfig(readGatewayEnvironment({ ...needed, PATH: '/bin', SALLYPORT_ISSUER: 'https://as.example' })),
  ).toMatchObject({
    replica: 'gateway-1',
    gatewayUrl: 'http://127.0.0.1:7400',
    issuer: 'https://as.example',
    jwksUrl: 'https://as.example/jwks',
    keys: { gatewayState: ['state.key', 'old.key'] },
    stalenessBoundMs: 300_000,
    spoolMaxBytes: 512 * 1024 * 1024,
  });
});
test.each([
  ['an unknown variable of ours', { SALLYPORT_SPOOL_DIRECTORY: 'x' }, 'SALLYPORT_SPOOL_DIRECTORY'],
  ['a database, which a gateway has none of', { SALLYPORT_DATABASE_URL: 'postgres://x' }, 'SALLYPORT_DATABASE_URL'],
  ['a bound beyond an hour', { SALLYPORT_STALENESS_BOUND: '2h' }, 'SALLYPORT_STALENESS_BOUND'],
  ['no state key', { SALLYPORT_GATEWAY_STATE_KEY_FILES: ',' }, 'SALLYPORT_GATEWAY_STATE_KEY_FILES'],
  ['a gateway URL with a path', { SALLYPORT_GATEWAY_URL: 'https://g.example/mcp' }, 'SALLYPORT_GATEWAY_URL'],
])('%s fails the start with a message that names it', (_what, change, name) => {
  expect(() => readGatewayEnvironment({ ...needed, ...change })).toThrow(name);
});
