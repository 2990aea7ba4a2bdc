import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestAgent } from './testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from './testing/test-deployment.js';

let deployment: TestDeployment;
beforeAll(async () => {
  deployment = await startTestDeployment();
});
afterAll(() => deployment.close());

test('an agent registers, a human signs in at the identity provider and consents, and the token says all of it (R7, R8, R9, R11, R13, R20, R21)', async () => {
  const agent = await TestAgent.register(deployment);
  const interstitial = await agent.open();
  expect(interstitial.html).toContain('Test agent');
  const consent = await agent.press(interstitial, /^Continue with/);
  expect(consent.html).toContain('alice@example.com');
  const { url } = await agent.press(consent, 'Allow');
  expect(url.searchParams.get('state')).toBe('state-of-the-agent');
  expect(url.searchParams.get('iss')).toBe(deployment.issuer);
  const tokens = await agent.redeem(url.searchParams.get('code'));
  expect(tokens.body).toMatchObject({ token_type: 'Bearer', expires_in: 900, scope: 'notes.read', refresh_token: expect.any(String) });
  expect(tokens.headers.get('cache-control')).toBe('no-store');
  const accessToken = String(tokens.body['access_token']);
  const { payload } = await jwtVerify(accessToken, createRemoteJWKSet(new URL(`${deployment.issuer}/jwks`)), { issuer: deployment.issuer, audience: deployment.resource, typ: 'at+jwt', algorithms: ['ES256'] });
  expect(payload).toEqual({
    iss: deployment.issuer,
    aud: deployment.resource,
    sub: expect.stringMatching(/^usr_/),
    client_id: agent.clientId,
    scope: 'notes.read',
    roles: ['developer'],
    groups: ['engineering'],
    sid: expect.stringMatching(/^ses_/),
    auth_time: expect.any(Number),
    acr: 'urn:test:mfa',
    amr: ['pwd', 'otp'],
    idp: 'test',
    idp_sub: 'alice-id',
    agent_name: 'Test agent',
    agent_assurance: 'asserted',
    iat: expect.any(Number),
    exp: Number(payload.iat) + 900,
    jti: expect.any(String),
  });
  expect(decodeProtectedHeader(accessToken)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.stringMatching(/^at-/) });
});
