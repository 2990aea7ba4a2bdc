import { createLocalJWKSet, exportJWK, generateKeyPair, SignJWT, UnsecuredJWT, type CryptoKey } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { verifyGatewayToken, type TokenExpectations } from './verify-gateway-token.js';

const issuer = 'http://127.0.0.1:7401';
const resource = 'http://127.0.0.1:7411/mcp';
const now = 1_800_000_000;
const claims = {
  iss: issuer,
  aud: resource,
  sub: 'usr_alice',
  client_id: 'agent-1',
  act: { sub: 'agent-1' },
  scope: 'whoami.read',
  iat: now,
  exp: now + 300,
  jti: 'j',
};

let downstreamKey: CryptoKey;
let inboundKey: CryptoKey;
let expected: TokenExpectations;

beforeAll(async () => {
  const [downstream, inbound] = await Promise.all([generateKeyPair('ES256'), generateKeyPair('ES256')]);
  downstreamKey = downstream.privateKey;
  inboundKey = inbound.privateKey;
  const keys = createLocalJWKSet({
    keys: [
      { ...(await exportJWK(downstream.publicKey)), kid: 'dt-1', alg: 'ES256' },
      { ...(await exportJWK(inbound.publicKey)), kid: 'at-1', alg: 'ES256' },
    ],
  });
  expected = { issuer, resource, keys, clock: () => now * 1000 };
});

const sign = (changes: Record<string, unknown>, header: { kid?: string; typ?: string } = {}, key = downstreamKey) =>
  new SignJWT({ ...claims, ...changes })
    .setProtectedHeader({ alg: 'ES256', kid: 'dt-1', typ: 'at+jwt', ...header })
    .sign(key);

describe('a server that trusts the gateway (S6)', () => {
  it('accepts a token made for it and sees who acts for whom', async () => {
    expect(await verifyGatewayToken(await sign({}), expected)).toEqual({
      iss: issuer,
      aud: resource,
      sub: 'usr_alice',
      client_id: 'agent-1',
      act: { sub: 'agent-1' },
      scope: 'whoami.read',
      iat: now,
      exp: now + 300,
    });
  });

  it("refuses the agent's own access token, whose audience is the gateway", async () => {
    const { act: _act, ...inbound } = claims;
    const token = await new SignJWT({ ...inbound, aud: 'http://127.0.0.1:7400/mcp' })
      .setProtectedHeader({ alg: 'ES256', kid: 'at-1', typ: 'at+jwt' })
      .sign(inboundKey);
    expect(await verifyGatewayToken(token, expected)).toBe('refused');
  });

  it('refuses an unsigned token', async () => {
    expect(await verifyGatewayToken(new UnsecuredJWT({ ...claims }).encode(), expected)).toBe('refused');
  });

  it('refuses an expired token', async () => {
    expect(await verifyGatewayToken(await sign({ iat: now - 600, exp: now - 300 }), expected)).toBe('refused');
  });

  it.each([
    ['another audience', { aud: 'http://127.0.0.1:7410/mcp' }, {}],
    ['several audiences', { aud: [resource, 'http://127.0.0.1:7410/mcp'] }, {}],
    ['another issuer', { iss: 'http://127.0.0.1:7403' }, {}],
    ['nobody acting', { act: undefined }, {}],
    ['another type', {}, { typ: 'JWT' }],
    ['an unknown key', {}, { kid: 'dt-2' }],
  ])('refuses a token with %s', async (_what, changes, header) => {
    expect(await verifyGatewayToken(await sign(changes, header), expected)).toBe('refused');
  });

  it('refuses a token signed by somebody else', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    expect(await verifyGatewayToken(await sign({}, {}, privateKey), expected)).toBe('refused');
  });

  it('does not call a token bad when the keys cannot be had', async () => {
    const unreachable = { ...expected, keys: () => Promise.reject(new TypeError('fetch failed')) };
    expect(await verifyGatewayToken(await sign({}), unreachable)).toBe('unavailable');
  });
});
