import type { Document } from '@sallyport/configuration';
import { isId } from '@sallyport/kernel';
import { decodeJwt, exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { eventually } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { register, TestAgent, type TokenAnswer } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
let key: CryptoKey;
const secret = 'a-secret-an-administrator-chose-0123456789';
const policy = (machines: 'also' | 'only' | undefined): Document => ({
  kind: 'AccessPolicy',
  name: 'machines',
  spec: { hop: 'client-to-gateway', agents: { clientIds: ['nightly', 'keyed'], ...(machines ? { machines } : {}) } },
});
beforeAll(async () => {
  deployment = await startTestDeployment();
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  key = privateKey;
  const { x = '', y = '' } = await exportJWK(publicKey);
  const name = 'Agent/nightly/clientSecret';
  await deployment.database.storedSecret.create({
    data: { name, sealed: Uint8Array.from(deployment.sealer.seal('stored-secret', secret, name)) },
  });
  const machine = { roles: ['developer'] };
  await deployment.configure([
    {
      kind: 'Agent',
      name: 'nightly',
      spec: {
        displayName: 'Nightly report',
        redirectUris: [],
        machine,
        authentication: { method: 'client_secret', clientSecret: { env: 'UNUSED' } },
      },
    },
    {
      kind: 'Agent',
      name: 'keyed',
      spec: {
        displayName: 'Keyed',
        redirectUris: [],
        machine,
        authentication: { method: 'private_key_jwt', keys: [{ kty: 'EC', crv: 'P-256', x, y }] },
      },
    },
    policy('only'),
  ]);
});
afterAll(() => deployment.close());

const ask = (changes: Record<string, string | undefined> = {}, clientId = 'nightly'): Promise<TokenAnswer> =>
  new TestAgent(deployment, clientId).token({
    grant_type: 'client_credentials',
    resource: deployment.resource,
    ...(clientId === 'nightly' ? { client_secret: secret } : {}),
    ...changes,
  });
const assertion = async (expires: number | string = '1m') => ({
  client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  client_assertion: await new SignJWT({ jti: crypto.randomUUID() })
    .setProtectedHeader({ alg: 'ES256' })
    .setIssuer('keyed')
    .setSubject('keyed')
    .setAudience(deployment.issuer)
    .setIssuedAt()
    .setExpirationTime(expires)
    .sign(key),
});

describe('an agent without a human', () => {
  test.each([
    ['is good for a day', Math.floor(Date.now() / 1000) + 86_400],
    ['never ends', Number.MAX_VALUE],
  ])(
    'whose key signs an assertion that %s is not believed: it would have to be remembered for as long (S2, S8)',
    async (_what, expires) => {
      const remembered = () => deployment.database.oidcArtifact.count({ where: { kind: 'ReplayDetection' } });
      const before = await remembered();
      const answer = await ask(await assertion(expires), 'keyed');
      expect([answer.status, answer.body['error'], await remembered()]).toEqual([401, 'invalid_client', before]);
      expect((await ask(await assertion('10m'), 'keyed')).status).toBe(200);
    },
  );

  test("gets a token of its own: no user's subject, its own roles, ten minutes, no human present, no refresh token (R5, S1)", async () => {
    const { status, body } = await ask();
    expect([status, body['expires_in'], body['refresh_token'], body['id_token']]).toEqual([
      200,
      600,
      undefined,
      undefined,
    ]);
    const claims = decodeJwt(String(body['access_token']));
    expect(claims).toMatchObject({
      iss: deployment.issuer,
      aud: deployment.resource,
      client_id: 'nightly',
      scope: 'notes.read notes.write',
      roles: ['developer'],
      groups: [],
      idp: 'builtin:machines',
      human_present: false,
      amr: [],
      auth_time: 0,
      agent_name: 'Nightly report',
      agent_assurance: 'asserted',
    });
    expect([isId('agt', claims.sub), isId('usr', claims.sub), isId('ses', claims['sid'])]).toEqual([true, false, true]);
    await eventually(() =>
      deployment.events.some(
        (event) => event.type === 'token.issued' && event.userId === claims.sub && event.clientId === 'nightly',
      ),
    );
    expect(decodeJwt(String((await ask()).body['access_token']))).toMatchObject({
      sub: claims.sub,
      sid: claims['sid'],
    });
  });

  test('gets what it asks for of what its roles give, and no more (R5, R11)', async () => {
    expect((await ask({ scope: 'notes.read notes.admin' })).body['scope']).toBe('notes.read');
    expect((await ask({ scope: 'notes.read mcp:tools' })).body['scope']).toBe('notes.read');
    // What means nothing here is as if nobody had asked (RFC 6749 section 3.3).
    expect((await ask({ scope: 'mcp:tools profile' })).body['scope']).toBe('notes.read notes.write');
  });

  test('proves itself with its key, and nobody does without (R5, S2)', async () => {
    const proof = await assertion();
    const { status, body } = await ask(proof, 'keyed');
    expect([status, decodeJwt(String(body['access_token']))['agent_assurance']]).toEqual([200, 'key-authenticated']);
    expect((await ask(proof, 'keyed')).body['error']).toBe('invalid_client');
    expect((await ask({}, 'keyed')).body['error']).toBe('invalid_client');
    expect((await ask({ client_secret: 'another' })).body['error']).toBe('invalid_client');
    expect((await ask({ client_secret: undefined })).body['error']).toBe('invalid_client');
  });

  test('gets a token for the one resource there is, named or not, and for no other (R16)', async () => {
    expect(decodeJwt(String((await ask({ resource: undefined })).body['access_token'])).aud).toBe(deployment.resource);
    expect((await ask({ resource: 'https://elsewhere.example/mcp' })).body['error']).toBe('invalid_target');
  });

  test('is let in by a policy that names machines only, not by one that just names its client id (R5, R23)', async () => {
    await deployment.configure([policy(undefined)]);
    expect((await ask()).body['error']).toBe('invalid_grant');
    await deployment.configure([policy('also')]);
    expect((await ask()).status).toBe(200);
    await deployment.configure([policy('only')]);
  });

  test('cannot sign a human in, and who signs humans in cannot come without one (R5)', async () => {
    const page = await new TestAgent(deployment, 'nightly').open();
    expect(page.status).toBe(400);
    const { body } = await register(deployment, {
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['authorization_code', 'client_credentials'],
    });
    const answer = await ask({ client_secret: String(body['client_secret']) }, String(body['client_id']));
    expect(answer.body['error']).toBe('invalid_request');
  });

  test('whose session was revoked begins another; blocked, it gets nothing (S28)', async () => {
    const before = decodeJwt(String((await ask()).body['access_token']))['sid'];
    await deployment.revoke({ type: 'session', sid: String(before) });
    const after = decodeJwt(String((await ask()).body['access_token']))['sid'];
    expect(after).not.toBe(before);
    await deployment.revoke({ type: 'agent', clientId: 'nightly' }, Number.MAX_SAFE_INTEGER);
    expect((await ask()).body['error']).toBe('invalid_grant');
    await eventually(() =>
      deployment.events.some(
        (event) => event.type === 'token.refused' && event.clientId === 'nightly' && event.reason === 'revoked',
      ),
    );
  });
});
