import type { Document } from '@sallyport/configuration';
import { eventually } from '@sallyport/testing';
import { decodeJwt, generateKeyPair, importJWK, SignJWT, type CryptoKey, type JWK } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
let signing: { kid: string; key: CryptoKey };
let user: string;
let agent: TestAgent;
let agentToken: string;
let sid: string;
const secret = 'a-secret-an-administrator-chose-0123456789';
const NOTES = 'http://127.0.0.1:7410/mcp';

const server = (name: string, introspects: string): Document => ({
  kind: 'Agent',
  name,
  spec: {
    displayName: name,
    redirectUris: [],
    introspects,
    authentication: { method: 'client_secret', clientSecret: { env: 'UNUSED' } },
  },
});
beforeAll(async () => {
  deployment = await startTestDeployment({ trustedProxies: ['127.0.0.1'] });
  for (const client of ['notes-server', 'files-server', 'notes-agent']) {
    const name = `Agent/${client}/clientSecret`;
    await deployment.database.storedSecret.create({
      data: { name, sealed: Uint8Array.from(deployment.sealer.seal('stored-secret', secret, name)) },
    });
  }
  await deployment.configure([
    {
      kind: 'McpServer',
      name: 'files',
      spec: { title: 'Files', url: 'https://files.example/mcp', resource: 'https://files.example', timeout: '60s' },
    },
    server('notes-server', 'notes'),
    server('files-server', 'files'),
    {
      kind: 'Agent',
      name: 'notes-agent',
      spec: {
        displayName: 'notes',
        redirectUris: ['https://notes.example/cb'],
        authentication: { method: 'client_secret', clientSecret: { env: 'UNUSED' } },
      },
    },
  ]);
  const row = await deployment.database.signingKey.findFirstOrThrow({ where: { purpose: 'downstream-token' } });
  const jwk = JSON.parse(deployment.sealer.open('signing-key', row.sealedPrivate, row.kid).toString()) as JWK;
  signing = { kid: row.kid, key: (await importJWK(jwk, row.algorithm)) as CryptoKey };
  agent = await TestAgent.register(deployment);
  agentToken = String((await agent.connect()).body['access_token']);
  const claims = decodeJwt(agentToken);
  [user, sid] = [String(claims.sub), String(claims['sid'])];
});
afterAll(() => deployment.close());

const now = () => Math.floor(Date.now() / 1000);
/** As the credential service makes them. */
const downstream = (changes: Record<string, unknown> = {}, header: Record<string, string> = {}, key = signing.key) =>
  new SignJWT({
    iss: deployment.issuer,
    aud: NOTES,
    sub: user,
    client_id: agent.clientId,
    act: { sub: agent.clientId },
    sid,
    scope: 'notes.read',
    iat: now(),
    exp: now() + 300,
    jti: crypto.randomUUID(),
    ...changes,
  })
    .setProtectedHeader({ alg: 'ES256', kid: signing.kid, typ: 'at+jwt', ...header })
    .sign(key);
const ask = async (
  token: string,
  clientId = 'notes-server',
  clientSecret = secret,
): Promise<[number, Record<string, unknown>]> => {
  const response = await fetch(`${deployment.issuer}/introspect`, {
    method: 'POST',
    body: new URLSearchParams({ client_id: clientId, client_secret: clientSecret, token }),
  });
  return [response.status, (await response.json()) as Record<string, unknown>];
};
const INACTIVE = [200, { active: false }];

describe('a server that asks about tokens (RFC 7662)', () => {
  test('is told of those that were made for it, by its resource (B7)', async () => {
    expect(await ask(await downstream())).toEqual([
      200,
      {
        active: true,
        token_type: 'Bearer',
        iss: deployment.issuer,
        aud: NOTES,
        sub: user,
        client_id: agent.clientId,
        act: { sub: agent.clientId },
        sid,
        scope: 'notes.read',
        iat: expect.any(Number),
        exp: expect.any(Number),
        jti: expect.any(String),
      },
    ]);
    expect((await ask(await downstream({ aud: 'https://files.example' }), 'files-server'))[1]['active']).toBe(true);
  });

  test('is told of nobody else’s, in the same words as of what never was: another server’s, the gateway’s, an agent’s, a forged one (B7, S6)', async () => {
    const stranger = await generateKeyPair('ES256');
    const atKid = (await deployment.database.signingKey.findFirstOrThrow({ where: { purpose: 'access-token' } })).kid;
    const tokens = [
      await downstream({ aud: 'https://files.example' }),
      await downstream({ aud: deployment.resource }),
      agentToken,
      await downstream({}, {}, stranger.privateKey),
      await downstream({}, { kid: atKid }),
      await downstream({}, { typ: 'JWT' }),
      await downstream({ iss: 'https://elsewhere.example' }),
      await downstream({ iat: now() - 400, exp: now() - 100 }),
      await downstream({ jti: undefined }),
      'nonsense',
      await downstream({ sid: undefined }),
      await downstream({ sid: 'ses_unknown' }),
      await downstream({ client_id: 'notes-agent' }),
      await downstream({ sub: 'usr_somebody' }),
    ];
    for (const token of tokens) expect(await ask(token)).toEqual(INACTIVE);
    for (const other of ['notes-agent', 'files-server']) expect(await ask(await downstream(), other)).toEqual(INACTIVE);
    expect(await ask(await downstream(), 'notes-server', 'wrong')).toEqual([
      401,
      expect.objectContaining({ error: 'invalid_client' }),
    ]);
  });

  test('gets no token itself, by no grant, and revokes none (B7, S1)', async () => {
    for (const grant_type of [
      'client_credentials',
      'urn:ietf:params:oauth:grant-type:jwt-bearer',
      'authorization_code',
      'refresh_token',
    ]) {
      expect(
        (
          await new TestAgent(deployment, 'notes-server').token({
            grant_type,
            client_secret: secret,
            resource: deployment.resource,
            assertion: 'x',
            code: 'x',
            refresh_token: 'x',
          })
        ).status,
      ).toBe(400);
    }
    expect((await new TestAgent(deployment, 'notes-server').open()).status).toBe(400);
    await fetch(`${deployment.issuer}/revoke`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: 'notes-server', client_secret: secret, token: agentToken }),
    });
    expect(
      (
        await deployment.database.agentSession.findUniqueOrThrow({
          where: { sid: String(decodeJwt(agentToken)['sid']) },
        })
      ).endedAt,
    ).toBeNull();
  });

  test('hears that it is a server no more', async () => {
    const token = await downstream();
    await deployment.configure([], [{ kind: 'McpServer', name: 'notes' }]);
    expect(await ask(token)).toEqual(INACTIVE);
    await deployment.configure([
      { kind: 'McpServer', name: 'notes', spec: { title: 'Notes', url: NOTES, timeout: '60s' } },
    ]);
    expect((await ask(token))[1]['active']).toBe(true);
  });
});

describe('a session that ends, in whichever way, is over for the servers it was used at, within a second (S28)', () => {
  let people = 0;
  const connect = async (as: TestAgent) => {
    const { body } = await as.connect();
    const { sub, sid: session } = decodeJwt<{ sub: string; sid: string }>(String(body['access_token']));
    const token = await downstream({ sub, sid: session, client_id: as.clientId, act: { sub: as.clientId } });
    return { agent: as, userId: sub, sid: session, token, refreshToken: String(body['refresh_token']) };
  };
  type Session = Awaited<ReturnType<typeof connect>>;
  /** Somebody nobody else is, whose session at the provider has this name. */
  const someone = () => {
    people += 1;
    deployment.provider.account = {
      sub: `human-${people}`,
      email: 'human@example.com',
      email_verified: true,
      name: 'Human',
      groups: ['engineering'],
    };
    deployment.provider.bend = { claims: { sid: `idp-session-${people}` } };
  };
  const another = (as: TestAgent) => new TestAgent(deployment, as.clientId);
  const post = (path: string, form: Record<string, string>) =>
    fetch(`${deployment.issuer}${path}`, { method: 'POST', body: new URLSearchParams(form) });

  /** Two sessions that differ in nothing but what the end is about. */
  const twoOfOneUser = async (): Promise<[Session, Session]> => {
    someone();
    const first = await TestAgent.register(deployment);
    return [await connect(first), await connect(another(first))];
  };
  const twoAgentsOfOneUser = async (): Promise<[Session, Session]> => {
    someone();
    return [await connect(await TestAgent.register(deployment)), await connect(await TestAgent.register(deployment))];
  };
  const twoUsersOfOneAgent = async (): Promise<[Session, Session]> => {
    someone();
    const ending = await connect(await TestAgent.register(deployment));
    someone();
    return [ending, await connect(another(ending.agent))];
  };
  afterAll(() => void (deployment.provider.bend = {}));

  test.each<[string, () => Promise<[Session, Session]>, (session: Session) => Promise<unknown>]>([
    [
      'an administrator revokes its user',
      twoUsersOfOneAgent,
      ({ userId }) => deployment.revoke({ type: 'user', userId }),
    ],
    [
      'an administrator revokes its agent',
      twoAgentsOfOneUser,
      ({ agent: { clientId } }) => deployment.revoke({ type: 'agent', clientId }),
    ],
    [
      'an administrator revokes this agent of this user',
      twoUsersOfOneAgent,
      ({ userId, agent: { clientId } }) => deployment.revoke({ type: 'user-agent', userId, clientId }),
    ],
    [
      'an administrator, or its user on the account page, ends it',
      twoOfOneUser,
      (session) => deployment.revoke({ type: 'session', sid: session.sid }),
    ],
    [
      'its agent revokes its tokens',
      twoOfOneUser,
      ({ agent: { clientId }, refreshToken }) => post('/revoke', { client_id: clientId, token: refreshToken }),
    ],
    [
      'a spent refresh token of it comes from elsewhere',
      twoOfOneUser,
      async ({ agent: one, refreshToken }) => {
        const { body } = await one.refresh(refreshToken);
        await one.refresh(body['refresh_token']); // the successor was used: no repeat is left
        one.headers = { 'x-forwarded-for': '203.0.113.9' };
        expect((await one.refresh(refreshToken)).body['error']).toBe('invalid_grant');
      },
    ],
    [
      'its sign-in ends at the identity provider',
      twoUsersOfOneAgent,
      async ({ userId }) => {
        const { providerSid } = await deployment.database.identitySession.findFirstOrThrow({ where: { userId } });
        const answer = await post('/federation/test/backchannel-logout', {
          logout_token: await deployment.provider.logoutToken({ sid: providerSid }),
        });
        expect(answer.status).toBe(200);
      },
    ],
  ])('%s', async (_way, two, end) => {
    const [ending, other] = await two();
    for (const { token } of [ending, other]) expect((await ask(token))[1]['active']).toBe(true);
    await end(ending);
    await eventually(async () => (await ask(ending.token))[1]['active'] === false, {
      timeoutMs: 1_000,
      until: 'the server hears of it',
    });
    expect((await ask(other.token))[1]['active']).toBe(true);
  });
});

describe('a server that asks after a key was withdrawn', () => {
  test('believes no key that was withdrawn, also before its successor is there (S5, S6)', async () => {
    const token = await downstream();
    expect((await ask(token))[1]['active']).toBe(true);
    await deployment.database.$transaction(
      async (transaction) => {
        await transaction.$executeRaw`SELECT pg_advisory_xact_lock(7400100001)`; // whoever makes the successor waits
        await deployment.revoke({ type: 'signing-key', kid: signing.kid });
        expect(await ask(token)).toEqual(INACTIVE);
      },
      { timeout: 20_000 },
    );
  });
});
