import { generateKeyPair, decodeJwt, SignJWT, type JWTPayload } from 'jose';
import { eventually } from '@sallyport/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { register, TestAgent, type TokenAnswer } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
beforeAll(async () => (deployment = await startTestDeployment()));
afterAll(() => deployment.close());

interface Confidential {
  readonly agent: TestAgent;
  readonly secret: string;
  readonly tokens: TokenAnswer['body'];
}
async function connectConfidential(): Promise<Confidential> {
  const { body } = await register(deployment, { token_endpoint_auth_method: 'client_secret_basic' });
  const agent = new TestAgent(deployment, String(body['client_id']));
  const answer = await agent.authorize();
  const code = {
    grant_type: 'authorization_code',
    code: answer.get('code') ?? '',
    redirect_uri: agent.redirectUri,
    code_verifier: agent.verifier,
    resource: deployment.resource,
  };
  return {
    agent,
    secret: String(body['client_secret']),
    tokens: (await post('/token', code, basic(agent.clientId, String(body['client_secret'])))).body,
  };
}
const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
});
async function post(
  path: string,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<TokenAnswer> {
  const response = await fetch(`${deployment.issuer}${path}`, {
    method: 'POST',
    body: new URLSearchParams(form),
    headers,
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>),
  };
}
const introspect = ({ agent, secret }: Confidential, token: unknown, hint?: string) =>
  post(
    '/introspect',
    { token: String(token), ...(hint ? { token_type_hint: hint } : {}) },
    basic(agent.clientId, secret),
  );

describe('introspection (RFC 7662)', () => {
  test.each(['access_token', 'refresh_token'] as const)('tells a client about its own %s (B7)', async (name) => {
    const client = await connectConfidential();
    const { status, body, headers } = await introspect(client, client.tokens[name], name);
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store']);
    const { sub, sid } = decodeJwt(String(client.tokens['access_token']));
    expect(body).toMatchObject({
      active: true,
      client_id: client.agent.clientId,
      sub,
      scope: 'notes.read',
      exp: expect.any(Number),
    });
    if (name === 'access_token')
      expect(body).toMatchObject({ iss: deployment.issuer, aud: deployment.resource, sid, token_type: 'Bearer' });
  });

  test('tells nobody about the token of another, nor anything to who does not authenticate (B7)', async () => {
    const [client, other] = await Promise.all([connectConfidential(), connectConfidential()]);
    for (const token of [client.tokens['access_token'], client.tokens['refresh_token']]) {
      expect((await introspect(other, token)).body).toEqual({ active: false });
      expect(
        (await post('/introspect', { token: String(token) }, basic(client.agent.clientId, 'wrong'))).body,
      ).toMatchObject({ error: 'invalid_client' });
      expect((await post('/introspect', { token: String(token) })).status).toBe(400);
    }
    const open = await TestAgent.register(deployment);
    const { body } = await open.connect();
    for (const token of [body['access_token'], body['refresh_token'], 'nonsense']) {
      expect(await post('/introspect', { client_id: open.clientId, token: String(token) })).toMatchObject({
        status: 401,
        body: { error: 'invalid_client' },
      });
    }
  });

  test.each(['user', 'agent', 'session'] as const)(
    'of a token whose %s was revoked says inactive, before it expires (S28)',
    async (type) => {
      deployment.provider.account = {
        sub: `introspected-${type}`,
        email: 'x@example.com',
        name: 'X',
        groups: ['engineering'],
      };
      const client = await connectConfidential();
      const { sub, sid } = decodeJwt(String(client.tokens['access_token']));
      const subjects = {
        user: { type: 'user' as const, userId: String(sub) },
        agent: { type: 'agent' as const, clientId: client.agent.clientId },
        session: { type: 'session' as const, sid: String(sid) },
      };
      await deployment.revoke(subjects[type]);
      expect((await introspect(client, client.tokens['access_token'])).body).toEqual({ active: false });
      expect((await introspect(client, client.tokens['refresh_token'])).body).toEqual({ active: false });
    },
  );

  test('believes nothing but our own signature for our own resource (S5, S6)', async () => {
    const client = await connectConfidential();
    const claims: JWTPayload = decodeJwt(String(client.tokens['access_token']));
    const { privateKey } = await generateKeyPair('ES256');
    const forge = (header: Record<string, string>) =>
      new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', ...header }).sign(privateKey);
    const [head = '', body = '', signature = ''] = String(client.tokens['access_token']).split('.');
    const { keys } = (await (await fetch(`${deployment.issuer}/jwks`)).json()) as { keys: { kid: string }[] };
    const kid = keys.find((key) => key.kid.startsWith('at-'))?.kid ?? '';
    const altered = `${head}.${Buffer.from(JSON.stringify({ ...claims, scope: 'notes.admin' })).toString('base64url')}.${signature}`;
    for (const token of [altered, `${head}.${body}.`, await forge({ kid }), await forge({ kid: 'unknown' })])
      expect((await introspect(client, token)).body).toEqual({ active: false });
  });
});

describe('revocation (RFC 7009)', () => {
  test('of an access token ends its agent session, which the trail tells with its sid (R80, S28)', async () => {
    const agent = await TestAgent.register(deployment);
    const { body } = await agent.connect();
    const sid = String(decodeJwt(String(body['access_token']))['sid']);
    expect((await post('/revoke', { client_id: agent.clientId, token: String(body['access_token']) })).status).toBe(
      200,
    );
    expect((await agent.refresh(body['refresh_token'])).body['error']).toBe('invalid_grant');
    expect((await deployment.database.agentSession.findUniqueOrThrow({ where: { sid } })).endedAt).not.toBeNull();
    await eventually(() =>
      deployment.events.some(
        (event) => event.type === 'token.revoked' && event.sid === sid && event.reason === 'revoked by the agent',
      ),
    );
    expect((await post('/revoke', { client_id: agent.clientId, token: String(body['access_token']) })).status).toBe(
      200,
    );
    expect(deployment.events.filter((event) => event.type === 'token.revoked' && event.sid === sid)).toHaveLength(1);
  });

  test('by another agent, or of a forged token, is answered alike and changes nothing (B7)', async () => {
    const [agent, other] = await Promise.all([TestAgent.register(deployment), TestAgent.register(deployment)]);
    const { body } = await agent.connect();
    const token = String(body['access_token']);
    expect(await post('/revoke', { client_id: other.clientId, token })).toMatchObject({ status: 200, body: {} });
    expect(await post('/revoke', { client_id: agent.clientId, token: `${token.slice(0, -8)}AAAAAAAA` })).toMatchObject({
      status: 200,
      body: {},
    });
    expect((await agent.refresh(body['refresh_token'])).status).toBe(200);
  });

  test('shows in introspection at once (B7)', async () => {
    const client = await connectConfidential();
    await post(
      '/revoke',
      { token: String(client.tokens['access_token']) },
      basic(client.agent.clientId, client.secret),
    );
    expect((await introspect(client, client.tokens['access_token'])).body).toEqual({ active: false });
    expect((await introspect(client, client.tokens['refresh_token'])).body).toEqual({ active: false });
  });
});
