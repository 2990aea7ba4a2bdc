import type { Document } from '@sallyport/configuration';
import { decodeJwt, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REDIRECT_URI, TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
let key: { privateKey: CryptoKey; jwk: JWK };
const secret = 'a-secret-an-administrator-chose-0123456789';
const declare = (name: string, authentication: object, redirectUris = [REDIRECT_URI]) =>
  ({ kind: 'Agent', name, spec: { displayName: `Agent ${name}`, redirectUris, authentication } }) as Document;
beforeAll(async () => {
  deployment = await startTestDeployment();
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  key = { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: 'k1' } };
  const name = 'Agent/with-secret/clientSecret';
  await deployment.database.storedSecret.create({
    data: { name, sealed: Uint8Array.from(deployment.sealer.seal('stored-secret', secret, name)) },
  });
  await deployment.configure([
    declare('public-agent', { method: 'none' }),
    declare('with-secret', { method: 'client_secret', clientSecret: { env: 'UNUSED' } }),
    declare('with-key', { method: 'private_key_jwt', keys: [key.jwk] }),
    declare('secret-not-there', { method: 'client_secret', clientSecret: { env: 'UNUSED' } }),
  ]);
});
afterAll(() => deployment.close());

const assertion = (changes: { aud?: string; iss?: string; key?: CryptoKey } = {}) =>
  new SignJWT({ jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
    .setIssuer(changes.iss ?? 'with-key')
    .setSubject('with-key')
    .setAudience(changes.aud ?? deployment.issuer)
    .setIssuedAt()
    .setExpirationTime('1m')
    .sign(changes.key ?? key.privateKey);
const withAssertion = async (changes: Parameters<typeof assertion>[0] = {}) => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await assertion(changes),
});

describe('an agent an administrator declared', () => {
  test('without a secret connects under its name, and only asserts who it is on loopback (S2)', async () => {
    const { body } = await new TestAgent(deployment, 'public-agent').connect();
    expect(decodeJwt(String(body['access_token']))).toMatchObject({
      client_id: 'public-agent',
      agent_name: 'Agent public-agent',
      agent_assurance: 'asserted',
    });
  });

  test('with a secret is refused without it, with another, and accepted with it', async () => {
    const agent = new TestAgent(deployment, 'with-secret');
    const code = (await agent.authorize()).get('code');
    expect((await agent.redeem(code)).body['error']).toBe('invalid_client');
    expect((await agent.redeem(code, { client_secret: 'another' })).body['error']).toBe('invalid_client');
    expect((await agent.redeem(code, { client_secret: secret })).status).toBe(200);
  });

  test('with a key is key-authenticated, and its assertion is good once, here, and from that key only (S2)', async () => {
    const agent = new TestAgent(deployment, 'with-key');
    const code = (await agent.authorize()).get('code');
    const stranger = await generateKeyPair('ES256');
    for (const bad of [{ aud: 'https://elsewhere.example' }, { iss: 'with-secret' }, { key: stranger.privateKey }])
      expect((await agent.redeem(code, await withAssertion(bad))).body['error']).toBe('invalid_client');
    const good = await withAssertion();
    const { status, body } = await agent.redeem(code, good);
    expect([status, decodeJwt(String(body['access_token']))['agent_assurance']]).toEqual([200, 'key-authenticated']);
    expect((await agent.refresh(body['refresh_token'], good)).body['error']).toBe('invalid_client');
    expect((await agent.refresh(body['refresh_token'], await withAssertion())).status).toBe(200);
  });

  test('gets its answer at a declared redirect URI only', async () => {
    const page = await new TestAgent(deployment, 'public-agent').open({
      redirect_uri: 'https://evil.example/callback',
    });
    expect([page.status, page.html]).toEqual([400, expect.not.stringContaining('evil.example/callback"')]);
  });

  test('whose secret is not there does not exist, nor does one whose document was removed', async () => {
    expect((await new TestAgent(deployment, 'secret-not-there').open()).status).toBe(400);
    await deployment.configure([declare('leaving', { method: 'none' })]);
    const agent = new TestAgent(deployment, 'leaving');
    const { body } = await agent.connect();
    await deployment.configure([], [{ kind: 'Agent', name: 'leaving' }]);
    expect((await agent.refresh(body['refresh_token'])).body['error']).toBe('invalid_client');
  });

  test('asks for consent again when its redirect host changes (S3)', async () => {
    await deployment.configure([declare('moving', { method: 'none' })]);
    await new TestAgent(deployment, 'moving').connect();
    const signIn = async () => {
      const agent = new TestAgent(deployment, 'moving');
      const page = await agent.open();
      expect(page.html).toContain('entered by your administrator');
      return agent.press(page, /^Continue/);
    };
    expect((await signIn()).status).toBe(0); // straight back to the agent
    await deployment.configure([
      declare('moving', { method: 'none' }, [REDIRECT_URI, 'https://moved.example/callback']),
    ]);
    const page = await signIn();
    expect([page.status, page.forms.some(({ buttons }) => buttons.some(({ text }) => text === 'Allow'))]).toEqual([
      200,
      true,
    ]);
  });
});
