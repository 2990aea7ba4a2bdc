import { eventually, makeDpopKey, type DpopKey } from '@sallyport/testing';
import type { Document } from '@sallyport/configuration';
import { decodeJwt, exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { register, TestAgent, type TokenAnswer } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';
import { startTestIssuer, type TestIssuer } from '../testing/test-issuer.js';

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const secret = 'a-secret-an-administrator-chose-0123456789';
let deployment: TestDeployment;
let company: TestIssuer;
let elsewhere: TestIssuer;
let key: CryptoKey;

type Provider = Extract<Document, { kind: 'TrustProvider' }>;
const provider = (name: string, issuer: string, spec: Partial<Provider['spec']> = {}): Provider => ({
  kind: 'TrustProvider',
  name,
  spec: { issuer, clientId: 'sallyport', ...spec },
});
const policy = (spec: object = {}): Document => ({
  kind: 'AccessPolicy',
  name: 'employees',
  spec: { hop: 'client-to-gateway', trustProviders: ['test', 'company'], ...spec },
});
const opted = () =>
  provider('company', company.url, { identityAssertions: { clientIds: ['assistant', 'keyed', 'open'] } });

beforeAll(async () => {
  [deployment, company, elsewhere] = await Promise.all([startTestDeployment(), startTestIssuer(), startTestIssuer()]);
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  key = privateKey;
  const { x = '', y = '' } = await exportJWK(publicKey);
  for (const agent of ['assistant', 'unlisted']) {
    const name = `Agent/${agent}/clientSecret`;
    await deployment.database.storedSecret.create({
      data: { name, sealed: Uint8Array.from(deployment.sealer.seal('stored-secret', secret, name)) },
    });
  }
  const withSecret = { method: 'client_secret' as const, clientSecret: { env: 'UNUSED' } };
  const ports = [deployment.provider.issuer, company.url, elsewhere.url].map((url) => Number(new URL(url).port));
  await deployment.configure([
    { kind: 'OutboundNetwork', name: 'default', spec: { allow: [{ host: '127.0.0.1', ports, http: true }] } },
    opted(),
    provider('elsewhere', elsewhere.url),
    {
      kind: 'Role',
      name: 'developer',
      spec: { scopes: ['notes.read', 'notes.write'], members: [{ trustProvider: 'company', groups: ['engineering'] }] },
    },
    {
      kind: 'Role',
      name: 'admin',
      spec: { scopes: ['notes.admin'], members: [{ trustProvider: 'company', groups: ['admins'] }] },
    },
    {
      kind: 'Agent',
      name: 'assistant',
      spec: { displayName: 'Assistant', redirectUris: [], authentication: withSecret },
    },
    {
      kind: 'Agent',
      name: 'unlisted',
      spec: { displayName: 'Unlisted', redirectUris: [], authentication: withSecret },
    },
    {
      kind: 'Agent',
      name: 'keyed',
      spec: {
        displayName: 'Keyed',
        redirectUris: ['https://keyed.example/cb'],
        authentication: { method: 'private_key_jwt', keys: [{ kty: 'EC', crv: 'P-256', x, y }] },
      },
    },
    {
      kind: 'Agent',
      name: 'open',
      spec: { displayName: 'Open', redirectUris: ['https://open.example/cb'], authentication: { method: 'none' } },
    },
    policy(),
  ]);
});
afterAll(() => Promise.all([deployment.close(), company.close(), elsewhere.close()]));

const now = () => Math.floor(Date.now() / 1000);
const assert = (
  changes: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  by: TestIssuer = company,
  signingKey?: CryptoKey,
) =>
  by.sign(
    {
      jti: crypto.randomUUID(),
      sub: 'alice',
      aud: deployment.issuer,
      client_id: 'assistant',
      resource: deployment.resource,
      scope: 'notes.read notes.write',
      groups: ['engineering'],
      auth_time: now() - 60,
      amr: ['mfa'],
      ...changes,
    },
    { typ: 'oauth-id-jag+jwt', ...header },
    signingKey,
  );
const show = (
  assertion: string,
  changes: Record<string, string | undefined> = {},
  clientId = 'assistant',
): Promise<TokenAnswer> =>
  new TestAgent(deployment, clientId).token({ grant_type: JWT_BEARER, assertion, client_secret: secret, ...changes });
const claimsOf = (answer: TokenAnswer) => {
  expect([answer.status, answer.body]).toEqual([200, expect.objectContaining({ access_token: expect.any(String) })]);
  return decodeJwt(String(answer.body['access_token']));
};
const refusal = async (answer: TokenAnswer): Promise<[unknown, string | undefined]> => {
  expect([answer.status, answer.body['access_token']]).toEqual([400, undefined]);
  const last = () => deployment.events.findLast((event) => event.type === 'token.refused')?.reason;
  await eventually(() => last() !== undefined);
  const reason = last();
  deployment.events.length = 0;
  return [answer.body['error'], reason];
};

describe('an assertion of the company’s identity provider', () => {
  test('is sign-in and consent: a token for its human through its agent, with a session of its own and nothing to refresh (B7, S1)', async () => {
    const { status, body, headers } = await show(await assert());
    expect([
      status,
      body['token_type'],
      body['expires_in'],
      body['scope'],
      body['refresh_token'],
      body['id_token'],
      headers.get('cache-control'),
    ]).toEqual([200, 'Bearer', 900, 'notes.read notes.write', undefined, undefined, 'no-store']);
    const first = decodeJwt(String(body['access_token']));
    expect(first).toMatchObject({
      iss: deployment.issuer,
      aud: deployment.resource,
      client_id: 'assistant',
      sub: expect.stringMatching(/^usr_/),
      idp: 'company',
      idp_sub: 'alice',
      roles: ['developer'],
      groups: ['engineering'],
      amr: ['mfa'],
      agent_name: 'Assistant',
      agent_assurance: 'asserted',
    });
    const second = claimsOf(await show(await assert()));
    expect([second.sub, second['sid'] === first['sid']]).toEqual([first.sub, false]);
    await eventually(() =>
      deployment.events.some(
        (event) =>
          event.type === 'token.issued' &&
          event.sid === second['sid'] &&
          event.userId === first.sub &&
          event.clientId === 'assistant',
      ),
    );
  });

  test('gives what it names, of what is asked for, of what the human’s roles entitle to, and none without a name (R11, S4)', async () => {
    expect((await show(await assert({ scope: 'notes.read' }), { scope: 'notes.read notes.write' })).body['scope']).toBe(
      'notes.read',
    );
    expect((await show(await assert(), { scope: 'notes.write' })).body['scope']).toBe('notes.write');
    expect((await show(await assert(), { scope: 'mcp:tools offline_access' })).body['scope']).toBe(
      'notes.read notes.write',
    );
    expect((await show(await assert({ scope: 'notes.read' }), { scope: 'notes.write' })).body['scope']).toBe('');
    expect((await show(await assert({ scope: 'notes.read notes.admin openid offline_access' }))).body['scope']).toBe(
      'notes.read',
    );
    expect((await show(await assert({ groups: ['engineering', 'admins'], scope: 'notes.admin' }))).body['scope']).toBe(
      'notes.admin',
    );
    expect((await show(await assert({ scope: undefined }))).body['scope']).toBe('');
  });

  test('counts with its own groups only, and changes nothing that a sign-in said (S1)', async () => {
    const before = claimsOf(await show(await assert({ sub: 'bob', groups: ['engineering'] })));
    const lean = claimsOf(await show(await assert({ sub: 'bob', groups: undefined })));
    expect([lean.sub, lean['roles'], lean['groups'], lean['scope']]).toEqual([before.sub, [], [], '']);
    expect((await deployment.database.user.findUniqueOrThrow({ where: { id: String(before.sub) } })).groups).toEqual([
      'engineering',
    ]);
  });

  test('of the provider whose human signs in is the same human, and of another with the same subject is not (S1)', async () => {
    await deployment.configure([
      provider('elsewhere', elsewhere.url, { identityAssertions: {} }),
      policy({ trustProviders: ['company', 'elsewhere'] }),
    ]);
    const [here, there] = [claimsOf(await show(await assert())), claimsOf(await show(await assert({}, {}, elsewhere)))];
    expect([here['idp'], there['idp'], here.sub === there.sub, there['roles']]).toEqual([
      'company',
      'elsewhere',
      false,
      [],
    ]);
    await deployment.configure([provider('elsewhere', elsewhere.url), policy()]);
  });

  test.each<[string, () => Promise<string>, [string, string]]>([
    ['another audience', () => assert({ aud: 'https://other.example' }), ['invalid_grant', 'audience']],
    [
      'the token endpoint for its audience',
      () => assert({ aud: `${deployment.issuer}/token` }),
      ['invalid_grant', 'audience'],
    ],
    [
      'our issuer among others',
      () => assert({ aud: [deployment.issuer, 'https://other.example'] }),
      ['invalid_grant', 'audience'],
    ],
    ['no audience', () => assert({ aud: undefined }), ['invalid_grant', 'audience']],
    ['another resource', () => assert({ resource: 'https://other.example/mcp' }), ['invalid_target', 'resource']],
    [
      'our resource among others',
      () => assert({ resource: [deployment.resource, 'https://other.example/mcp'] }),
      ['invalid_target', 'resource'],
    ],
    ['no resource', () => assert({ resource: undefined }), ['invalid_target', 'resource']],
    ['another client', () => assert({ client_id: 'keyed' }), ['invalid_grant', 'another client’s']],
    ['no client', () => assert({ client_id: undefined }), ['invalid_grant', 'claims']],
    ['no subject', () => assert({ sub: undefined }), ['invalid_grant', 'claims']],
    ['no jti', () => assert({ jti: undefined }), ['invalid_grant', 'claims']],
    ['no expiry', () => assert({ exp: undefined }), ['invalid_grant', 'claims']],
    ['no beginning', () => assert({ iat: undefined }), ['invalid_grant', 'claims']],
    ['an expiry in the past', () => assert({ iat: now() - 300, exp: now() - 61 }), ['invalid_grant', 'expired']],
    ['a lifetime of an hour', () => assert({ exp: now() + 3600 }), ['invalid_grant', 'lives_too_long']],
    ['a beginning to come', () => assert({ iat: now() + 120 }), ['invalid_grant', 'not_yet_valid']],
    ['the type of an ID token', () => assert({}, { typ: 'JWT' }), ['invalid_grant', 'type']],
    ['no type', () => assert({}, { typ: undefined }), ['invalid_grant', 'type']],
    ['an issuer nobody trusts', () => assert({ iss: 'https://stranger.example' }), ['invalid_grant', 'issuer']],
    ['a provider that has not opted in', () => assert({}, {}, elsewhere), ['invalid_grant', 'issuer']],
    [
      'the issuer of one and the key of another',
      () => assert({ iss: company.url }, {}, elsewhere),
      ['invalid_grant', 'signature'],
    ],
    ['a key nobody proves', () => assert({ cnf: { jkt: 'x' } }), ['invalid_grant', 'proof']],
  ])('with %s is refused (B7)', async (_case, make, [error, reason]) => {
    expect(await refusal(await show(await make()))).toEqual([error, `identity assertion: ${reason}`]);
  });

  test('without a signature, with a wrong one, or too large to read is refused (B7)', async () => {
    const [head = '', body = '', signature = ''] = (await assert()).split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'oauth-id-jag+jwt' })).toString('base64url');
    const symmetric = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'oauth-id-jag+jwt', kid: 'key-1' })).toString(
      'base64url',
    );
    const widened = Buffer.from(
      JSON.stringify({ ...decodeJwt(`${head}.${body}.${signature}`), scope: 'notes.admin', groups: ['admins'] }),
    ).toString('base64url');
    for (const [token, reason] of [
      [`${none}.${body}.`, 'algorithm'],
      [`${symmetric}.${body}.${signature}`, 'algorithm'],
      [`${head}.${widened}.${signature}`, 'signature'],
      ['nonsense', 'issuer'],
    ] as const) {
      expect(await refusal(await show(token))).toEqual(['invalid_grant', `identity assertion: ${reason}`]);
    }
    expect((await show('', { assertion: undefined })).body['error']).toBe('invalid_request');
    expect((await show(`${head}.${body}.${signature}${'A'.repeat(20_000)}`)).status).toBe(413);
  });

  test('is good once, however many show it at two replicas at once (S8, B7)', async () => {
    const replica = await deployment.startReplica({ sameIssuer: true });
    try {
      await eventually(() => replica.readiness().status === 'ready');
      const assertion = await assert();
      const showAt = async (url: string | undefined, what: string) =>
        (
          await fetch(`${url}/token`, {
            method: 'POST',
            body: new URLSearchParams({
              client_id: 'assistant',
              client_secret: secret,
              grant_type: JWT_BEARER,
              assertion: what,
            }),
          })
        ).status;
      expect(await showAt(replica.urls['listening'], await assert())).toBe(200);
      const statuses = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          showAt(index % 2 === 0 ? deployment.issuer : replica.urls['listening'], assertion),
        ),
      );
      expect(statuses.toSorted((a, b) => a - b)).toEqual([200, ...Array.from({ length: 11 }, () => 400)]);
      expect(await refusal(await show(assertion))).toEqual(['invalid_grant', 'identity assertion: replayed']);
      expect(claimsOf(await show(await assert({ jti: 'chosen' })))).toMatchObject({ idp_sub: 'alice' });
      expect((await show(await assert({ jti: 'chosen' }))).status).toBe(400);
    } finally {
      await replica.close();
    }
  });

  test('is taken from clients that authenticate and that it may be taken from, and no machine (B7, R5)', async () => {
    expect((await show(await assert(), { client_secret: 'wrong' })).body['error']).toBe('invalid_client');
    expect(await refusal(await show(await assert({ client_id: 'unlisted' }), {}, 'unlisted'))).toEqual([
      'invalid_grant',
      'identity assertion: not taken for this agent',
    ]);
    expect((await show(await assert({ client_id: 'open' }), { client_secret: undefined }, 'open')).status).toBe(400);
    const { body: dynamic } = await register(deployment, {
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['authorization_code', 'refresh_token', JWT_BEARER],
    });
    expect(dynamic['grant_types']).toEqual(['authorization_code', 'refresh_token']);
    expect(
      (
        await show(
          await assert({ client_id: dynamic['client_id'] }),
          { client_secret: String(dynamic['client_secret']) },
          String(dynamic['client_id']),
        )
      ).body,
    ).toMatchObject({
      error: 'invalid_request',
      error_description: 'requested grant type is not allowed for this client',
    });
    const proof = await new SignJWT({ jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer('keyed')
      .setSubject('keyed')
      .setAudience(deployment.issuer)
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(key);
    expect(
      claimsOf(
        await show(
          await assert({ client_id: 'keyed' }),
          {
            client_secret: undefined,
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
            client_assertion: proof,
          },
          'keyed',
        ),
      ),
    ).toMatchObject({ agent_assurance: 'key-authenticated' });
  });

  test('shown with proof of a key makes a token that is bound to it; one made for a key is of use to nobody else (S7, B7)', async () => {
    const [key, other] = [await makeDpopKey(), await makeDpopKey()];
    const showWith = async (dpop: DpopKey | undefined, assertion: string) => {
      const agent = new TestAgent(deployment, 'assistant');
      agent.dpop = dpop;
      return agent.token({ grant_type: JWT_BEARER, assertion, client_secret: secret });
    };
    const bound = await assert({ cnf: { jkt: key.thumbprint } });
    expect(await refusal(await showWith(undefined, bound))).toEqual(['invalid_grant', 'identity assertion: proof']);
    expect(await refusal(await showWith(other, bound))).toEqual(['invalid_grant', 'identity assertion: proof']);
    for (const assertion of [bound, await assert()]) {
      const answer = await showWith(key, assertion);
      expect([answer.body['token_type'], claimsOf(answer)['cnf']]).toEqual(['DPoP', { jkt: key.thumbprint }]);
    }
  });

  test('shown with a proof that was used before is not used up, and begins nothing (S7, S8)', async () => {
    const agent = new TestAgent(deployment, 'assistant');
    agent.dpop = await makeDpopKey();
    const proof = await agent.dpop.prove({ method: 'POST', url: `${deployment.issuer}/token` });
    const send = async (assertion: string, headers: Record<string, string>) => {
      const response = await fetch(`${deployment.issuer}/token`, {
        method: 'POST',
        headers,
        body: new URLSearchParams({ client_id: 'assistant', client_secret: secret, grant_type: JWT_BEARER, assertion }),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    expect((await send(await assert(), { dpop: proof })).status).toBe(200);
    const before = await deployment.database.agentSession.count();
    const next = await assert();
    expect((await send(next, { dpop: proof })).body['error']).toBe('invalid_dpop_proof');
    expect(await deployment.database.agentSession.count()).toBe(before);
    expect((await show(next)).status).toBe(200);
  });

  test('is asked for one resource, which is the gateway (R16)', async () => {
    for (const resource of [deployment.resource, `${deployment.resource}/notes`]) {
      expect((await show(await assert({ resource }), { resource })).status).toBe(200);
    }
    expect((await show(await assert(), { resource: 'https://other.example/mcp' })).body['error']).toBe(
      'invalid_target',
    );
  });

  test('does not go round policy, and of unknown age fails a condition on it (R22, R23)', async () => {
    await deployment.configure([policy({ conditions: { maxAuthAge: '1h' } })]);
    expect((await show(await assert())).status).toBe(200);
    const old = await assert({ auth_time: undefined });
    expect(await refusal(await show(old))).toEqual(['invalid_grant', 'authentication_too_old (employees)']);
    await deployment.configure([policy()]);
    // What policy refused was not used up: the company need not be asked again.
    expect((await show(old)).status).toBe(200);
  });

  test('brings nobody back who was revoked, unless it was made since; a blocked agent nothing at all (S28)', async () => {
    const [before, unshown] = [await assert({ sub: 'carol' }), await assert({ sub: 'carol' })];
    const { sub, sid } = claimsOf(await show(await assert({ sub: 'carol' })));
    await deployment.revoke({ type: 'user', userId: String(sub) });
    expect(await refusal(await show(before))).toEqual(['invalid_grant', 'revoked']);
    await eventually(() => now() > Number(decodeJwt(before).iat) + 1);
    expect(await refusal(await show(unshown))).toEqual(['invalid_grant', 'revoked']);
    expect(claimsOf(await show(await assert({ sub: 'carol' })))['sid']).not.toBe(sid);
    await deployment.revoke({ type: 'user', userId: String(sub) }, Number.MAX_SAFE_INTEGER);
    expect(await refusal(await show(await assert({ sub: 'carol' })))).toEqual(['invalid_grant', 'revoked']);
    await deployment.revoke({ type: 'agent', clientId: 'keyed' }, Number.MAX_SAFE_INTEGER);
    const proof = await new SignJWT({ jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer('keyed')
      .setSubject('keyed')
      .setAudience(deployment.issuer)
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(key);
    expect(
      await refusal(
        await show(
          await assert({ client_id: 'keyed' }),
          {
            client_secret: undefined,
            client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
            client_assertion: proof,
          },
          'keyed',
        ),
      ),
    ).toEqual(['invalid_grant', 'revoked']);
  });

  test('is announced where some provider’s is taken, and nowhere else (B7)', async () => {
    const metadata = async () =>
      (await (await fetch(`${deployment.issuer}/.well-known/oauth-authorization-server`)).json()) as Record<
        string,
        unknown
      >;
    expect(await metadata()).toMatchObject({
      authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'],
      grant_types_supported: expect.arrayContaining([JWT_BEARER]),
    });
    await deployment.configure([provider('company', company.url)]);
    const without = await metadata();
    expect([
      without['authorization_grant_profiles_supported'],
      (without['grant_types_supported'] as string[]).includes(JWT_BEARER),
    ]).toEqual([undefined, false]);
    expect((await show(await assert())).body['error']).toBe('unsupported_grant_type');
    await deployment.configure([opted()]);
  });

  test('whose issuer two providers claim is taken from neither: it would make two people of one (S1)', async () => {
    await deployment.configure([provider('twin', company.url, { identityAssertions: {} })]);
    expect(await refusal(await show(await assert()))).toEqual(['invalid_grant', 'identity assertion: issuer']);
  });
});
