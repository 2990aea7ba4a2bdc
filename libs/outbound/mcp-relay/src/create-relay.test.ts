import { Agent } from 'undici';
import { expect, test } from 'vitest';
import { createRelay, reasonOf } from './index.js';

const failure = (code: string) => Object.assign(new Error('text that does not matter'), { code });

test.each([
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'certificate-refused'],
  ['ERR_SSL_SSL/TLS_ALERT_CERTIFICATE_EXPIRED', 'certificate-refused'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'certificate-refused'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'interrupted'],
  ['CERT_HAS_EXPIRED', 'server-untrusted'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'server-untrusted'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'server-untrusted'],
])('a handshake that ends with %s is told apart from a broken connection: %s (R73)', (code, reason) => {
  expect(reasonOf(failure(code))).toBe(reason);
});

test('a relay that cannot show a client certificate makes no request without it', async () => {
  const relay = createRelay({ userAgent: 'test', dispatcher: new Agent() });
  const credential = { headers: {}, clientCertificate: { fingerprint: 'f', certificate: 'c', privateKey: 'k' } };
  expect(await relay.post({ url: new URL('http://127.0.0.1:1/mcp'), credential, headers: {}, body: '{}', idleTimeoutMs: 1_000, signal: new AbortController().signal })).toEqual({ type: 'failed', reason: 'interrupted' }); // `unreachable`, had it tried
});
