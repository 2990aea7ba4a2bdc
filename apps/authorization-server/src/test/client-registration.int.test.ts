import { createHash } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT, decodeJwt } from 'jose';
import { systemClock } from '@sallyport/kernel';
import { eventually } from '@sallyport/testing';
import { createTestAuthority, startHttpsServer, type TestHttpsServer } from '@sallyport/testing/servers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { removeExpired } from '../lifecycle/remove-expired.js';
import { grantDigestOf } from '../storage/artifact-store.js';
import { register, TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
let documents: TestHttpsServer;
let served: Record<
  string,
  { never?: boolean; drip?: boolean; status?: number; headers?: Record<string, string>; body: unknown }
> = {};
const fetched: string[] = [];

beforeAll(async () => {
  const authority = await createTestAuthority();
  documents = await startHttpsServer(
    authority,
    (request, response) => {
      fetched.push(request.url ?? '');
      const document = served[request.url ?? ''];
      if (document?.never) return;
      if (document?.drip) {
        response.writeHead(200, { 'content-type': 'application/json' });
        const dripping = setInterval(() => response.write(' '), 50);
        response.on('close', () => clearInterval(dripping));
        return;
      }
      response
        .writeHead(document?.status ?? (document ? 200 : 404), {
          'content-type': 'application/json',
          ...document?.headers,
        })
        .end(typeof document?.body === 'string' ? document.body : JSON.stringify(document?.body ?? {}));
    },
    { host: '127.0.0.1' },
  );
  deployment = await startTestDeployment({ extraCertificateAuthorities: [authority.certificate] });
});
afterAll(async () => {
  await deployment.close();
  await documents.close();
});

type Registration = {
  mode?: 'off' | 'gated' | 'open';
  redirectHosts?: string[];
  popularAgents?: boolean;
  initialAccessTokens?: { sha256: string; expiresAt: string; uses: number }[];
  unusedFor?: string;
  most?: number;
  documents?: { enabled?: boolean; allowedHosts?: string[]; deniedHosts?: string[] };
};
const registration = ({
  mode = 'open',
  redirectHosts = ['127.0.0.1', '[::1]', 'localhost'],
  documents: changes = {},
  ...dynamic
}: Registration) => ({
  kind: 'ClientRegistration' as const,
  name: 'default' as const,
  spec: {
    metadataDocuments: { enabled: true, allowedHosts: ['*'], deniedHosts: [], ...changes },
    dynamic: { mode, redirectHosts, ...dynamic },
  },
});
const sha256 = (value: string) => createHash('sha256').update(value).digest('hex');
const token = (value: string, changes: { uses?: number; expiresAt?: string } = {}) => ({
  sha256: sha256(value),
  expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
  uses: 1,
  ...changes,
});
const withToken = (value: string, changes: Record<string, unknown> = {}) =>
  register(deployment, changes, { authorization: `Bearer ${value}` });
const outbound = (allowDocuments: boolean) => ({
  kind: 'OutboundNetwork' as const,
  name: 'default' as const,
  spec: {
    allow: [
      {
        host: '127.0.0.1',
        ports: [Number(new URL(deployment.provider.issuer).port), ...(allowDocuments ? [documents.port] : [])],
        http: true,
      },
    ],
  },
});
beforeEach(async () => {
  served = {};
  fetched.length = 0;
  await deployment.configure([registration({}), outbound(true)]);
});

describe('dynamic registration (RFC 7591)', () => {
  test('gives an id and no more than was asked for (R18)', async () => {
    const { status, body, headers } = await register(deployment, {
      scope: 'notes.read',
      application_type: 'web',
      id_token_signed_response_alg: 'none',
      logo_uri: 'https://tracker.example/x.png',
      sector_identifier_uri: 'https://fetch.example/x',
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    });
    expect(status).toBe(201);
    expect(headers.get('cache-control')).toBe('no-store');
    expect(body).toMatchObject({
      client_id: expect.stringMatching(/^dcr_/),
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      application_type: 'native',
      id_token_signed_response_alg: 'ES256',
    });
    for (const absent of ['client_secret', 'scope', 'logo_uri', 'sector_identifier_uri', 'registration_access_token'])
      expect(body).not.toHaveProperty(absent);
  });

  test('stores nothing that stays for good (R18, S33)', async () => {
    const lasting = () => deployment.database.oidcArtifact.count({ where: { expiresAt: null } });
    const before = await lasting();
    await register(deployment);
    await register(deployment, { token_endpoint_auth_method: 'client_secret_basic' });
    expect(await lasting()).toBe(before);
  });

  test('without an authentication method makes the client confidential, as the RFC says', async () => {
    const { body } = await register(deployment, { token_endpoint_auth_method: undefined });
    expect(body).toMatchObject({
      token_endpoint_auth_method: 'client_secret_basic',
      client_secret: expect.any(String),
    });
  });

  test('can be switched off, and discovery no longer offers it then (R18)', async () => {
    await deployment.configure([registration({ mode: 'off' })]);
    expect((await register(deployment)).status).toBe(403);
    expect(
      await (await fetch(`${deployment.issuer}/.well-known/oauth-authorization-server`)).json(),
    ).not.toHaveProperty('registration_endpoint');
  });

  test('can ask for an initial access token (R18)', async () => {
    await deployment.configure([registration({ mode: 'gated', initialAccessTokens: [token('gate', { uses: 5 })] })]);
    const without = await register(deployment);
    expect([without.status, without.headers.get('www-authenticate')]).toEqual([401, 'Bearer error="invalid_token"']);
    for (const wrong of [
      'Bearer wrong',
      `Bearer ${sha256('gate')}`,
      'Basic gate',
      'Bearer',
      `Bearer ${'x'.repeat(10_000)}`,
    ])
      expect((await register(deployment, {}, { authorization: wrong })).status).toBe(401);
    expect((await withToken('gate')).status).toBe(201);
    await deployment.configure([registration({ mode: 'gated' })]);
    expect((await withToken('gate')).status).toBe(401);
  });

  test('takes an initial access token as often as it is good for, however many use it at once; a refused registration uses none (R18)', async () => {
    await deployment.configure([
      registration({ mode: 'gated', initialAccessTokens: [token('thrice', { uses: 3 }), token('other')] }),
    ]);
    expect((await withToken('thrice', { redirect_uris: ['https://agent.example/cb'] })).status).toBe(400);
    const answers = await Promise.all(Array.from({ length: 12 }, () => withToken('thrice')));
    expect([201, 401].map((status) => answers.filter((answer) => answer.status === status).length)).toEqual([3, 9]);
    expect((await withToken('other')).status).toBe(201);
  });

  test('takes no initial access token that has expired (R18)', async () => {
    await deployment.configure([
      registration({
        mode: 'gated',
        initialAccessTokens: [token('stale', { expiresAt: new Date(Date.now() - 1_000).toISOString() })],
      }),
    ]);
    expect((await withToken('stale')).status).toBe(401);
  });

  test('keeps the initial access token nowhere (R18, S8)', async () => {
    await deployment.configure([registration({ mode: 'gated', initialAccessTokens: [token('searched-for')] })]);
    expect((await withToken('searched-for')).status).toBe(201);
    const [row] = await deployment.database.$queryRaw<
      { dump: string }[]
    >`SELECT string_agg(t::text, '') AS dump FROM "InitialAccessTokenUse" t`;
    expect(row?.dump).toContain(sha256('searched-for'));
    expect(row?.dump).not.toContain('searched-for');
    expect(deployment.logLines.join('')).not.toContain('searched-for');
  });

  describe('leaves a registration', () => {
    const rows = (clientIds: readonly string[]) =>
      deployment.database.oidcArtifact.findMany({
        where: { kind: 'Client', idDigest: { in: clientIds.map(grantDigestOf) } },
      });
    /** As if it had been made so long ago. */
    const age = (clientId: string, days: number) =>
      deployment.database
        .$executeRaw`UPDATE "OidcArtifact" SET "expiresAt" = "expiresAt" - make_interval(mins => ${Math.round(days * 1_440)}::int) WHERE "kind" = 'Client' AND "idDigest" = ${grantDigestOf(clientId)}`;

    test('that no token was issued to for a limited time, and one that was for as long as a session uses it (R18)', async () => {
      await deployment.configure([registration({ unusedFor: '2d' })]);
      const [used, unused] = [await TestAgent.register(deployment), await TestAgent.register(deployment)];
      const { body } = await used.connect();
      expect((await unused.open()).status).toBe(200); // asking is not yet using
      for (const { clientId } of [used, unused]) await age(clientId, 2.01); // minutes too late
      expect((await used.refresh(body['refresh_token'])).status).toBe(200);
      expect((await used.open()).status).toBe(200);
      const gone = await unused.open();
      expect([gone.status, gone.html.includes('invalid_client')]).toEqual([400, true]);
      await age(unused.clientId, 1);
      await removeExpired(deployment.database, systemClock);
      expect((await rows([used.clientId, unused.clientId])).map(({ idDigest }) => idDigest)).toEqual([
        grantDigestOf(used.clientId),
      ]);
    });
  });

  test.each([
    'https://agent.example/cb',
    'http://agent.example/cb',
    'cursor://x/cb',
    'javascript:alert(1)',
    'http://127.0.0.1/cb#x',
  ])(
    'leaves out the redirect URI %s that nobody allowed, says so, and refuses it alone by its name (R18)',
    async (redirectUri) => {
      const { status, body } = await register(deployment, { redirect_uris: ['http://127.0.0.1/cb', redirectUri] });
      expect([status, body['redirect_uris']]).toEqual([201, ['http://127.0.0.1/cb']]);
      const event = () =>
        deployment.events.find(({ type, clientId }) => type === 'agent.registered' && clientId === body['client_id']);
      await eventually(() => event() !== undefined);
      expect(event()?.detail).toEqual({ redirectUrisLeftOut: redirectUri });
      const agent = new TestAgent(deployment, String(body['client_id']), redirectUri);
      expect((await agent.open()).status).toBe(400);
      const alone = await register(deployment, { redirect_uris: [redirectUri] });
      expect([alone.status, alone.body['error']]).toEqual([400, 'invalid_redirect_uri']);
      expect(alone.body['error_description']).toContain(redirectUri);
      expect(String(alone.body['error_description']).includes('dynamic.redirectHosts of ClientRegistration')).toBe(
        !/^javascript|^http:/.test(redirectUri),
      );
    },
  );

  test("takes Cursor's registration: all of it where known agents are welcome, and what is on this machine where they are not (R18)", async () => {
    const cursor = {
      redirect_uris: [
        'cursor://anysphere.cursor-mcp/oauth/callback',
        'https://www.cursor.com/agents/mcp/oauth/callback',
        'http://localhost:8787/callback',
      ],
    };
    const without = await register(deployment, cursor);
    expect([without.status, without.body['redirect_uris']]).toEqual([201, ['http://localhost:8787/callback']]);
    await deployment.configure([registration({ popularAgents: true })]);
    const { status, body } = await register(deployment, cursor);
    expect([status, body['redirect_uris']]).toEqual([201, cursor.redirect_uris]);
    for (const redirectUri of [...cursor.redirect_uris, 'http://localhost:49152/callback'])
      expect((await new TestAgent(deployment, String(body['client_id']), redirectUri).open()).status).toBe(200);
    await deployment.configure([registration({ popularAgents: true, redirectHosts: [] })]);
    const others = [
      'cursor://anysphere.cursor-deeplink/mcp/install?name=x&config=e30',
      'https://www.cursor.com/',
      'https://chatgpt.com/connector/oauth/',
      'https://chatgpt.com/connector/oauth/..',
      'https://chatgpt.com/connector/oauth/a/b',
      'https://chatgpt.com/connector/oauth/a?x=1',
      'http://localhost:8787/elsewhere',
    ];
    for (const uri of others)
      expect([uri, (await register(deployment, { redirect_uris: [uri] })).status]).toEqual([uri, 400]);
    expect((await register(deployment, { redirect_uris: ['https://chatgpt.com/connector/oauth/Tq-9_x'] })).status).toBe(
      201,
    );
  });

  test('names no more than a few of many redirect URIs, in the characters of an error (R18)', async () => {
    const { status, body } = await register(deployment, {
      redirect_uris: [
        'https://one.example/"cb"',
        ...Array.from({ length: 20 }, (_, index) => `https://agent.example/${index}/${'x'.repeat(300)}`),
      ],
    });
    expect(status).toBe(400);
    expect(String(body['error_description'])).toMatch(
      /^redirect_uris: https:\/\/one\.example\/.*; and 18 more\. an administrator lists [\x20\x21\x23-\x5b\x5d-\x7e]+$/,
    );
    expect(String(body['error_description']).length).toBeLessThan(1_000);
  });

  test('takes hosts and whole URIs the administrator lists, and nothing else of a scheme (R18, S35)', async () => {
    await deployment.configure([
      registration({ redirectHosts: ['*.agents.example', 'cursor://anysphere.cursor-mcp/oauth/callback', 'warp:'] }),
    ]);
    expect(
      (
        await register(deployment, {
          redirect_uris: ['https://one.agents.example/cb', 'cursor://anysphere.cursor-mcp/oauth/callback'],
        })
      ).status,
    ).toBe(201);
    expect((await register(deployment)).status).toBe(400);
    for (const uri of [
      'cursor://anysphere.cursor-deeplink/mcp/install?name=x&config=e30',
      'cursor://anysphere.cursor-mcp/oauth/callback?x=1',
      'warp://mcp/oauth2callback',
      'https://one.agents.example/to?url=https://evil.example',
    ]) {
      const { status, body } = await register(deployment, { redirect_uris: [uri] });
      expect([uri, status, body['error']]).toEqual([uri, 400, 'invalid_redirect_uri']);
    }
  });

  test.each([
    ['no redirect URI', { redirect_uris: [] }],
    ['redirect URIs that are not strings', { redirect_uris: [7] }],
    ['an implicit grant', { grant_types: ['implicit'], response_types: ['token'] }],
    ['an id of its own', { client_id: 'sallyport-control-plane', redirect_uris: 'x' }],
  ])('refuses %s', async (_what, changes) => {
    expect((await register(deployment, changes)).status).toBe(400);
  });

  const optional = [
    'client_name',
    'client_uri',
    'logo_uri',
    'tos_uri',
    'policy_uri',
    'jwks_uri',
    'jwks',
    'scope',
    'contacts',
    'software_id',
    'software_version',
    'application_type',
    'token_endpoint_auth_method',
    'token_endpoint_auth_signing_alg',
    'grant_types',
    'response_types',
    'subject_type',
    'id_token_signed_response_alg',
    'default_max_age',
    'require_auth_time',
    'dpop_bound_access_tokens',
    'client_secret',
    'sector_identifier_uri',
    'initiate_login_uri',
    'default_acr_values',
    'require_pushed_authorization_requests',
  ];
  const known = ({
    client_id: _id,
    client_secret: _secret,
    client_id_issued_at: _at,
    ...rest
  }: Record<string, unknown>) => rest;

  test.each([[null], [''], [[]]])('takes %j for a member that is not there, whichever it is (R18)', async (value) => {
    const bare = {
      client_name: undefined,
      token_endpoint_auth_method: undefined,
      grant_types: undefined,
      response_types: undefined,
    };
    const [empty, absent] = [
      await register(deployment, Object.fromEntries(optional.map((member) => [member, value]))),
      await register(deployment, bare),
    ];
    expect([empty.status, known(empty.body)]).toEqual([201, known(absent.body)]);
    expect(Object.values(empty.body)).not.toContain(null);
  });

  test.each([[null], [''], [[]]])('still needs redirect URIs: %j are none (R18)', async (value) => {
    expect((await register(deployment, { redirect_uris: value })).status).toBe(400);
  });

  test('looks at no member it has no use for (R18)', async () => {
    expect(
      (
        await register(deployment, {
          contacts: ['the platform team', ''],
          tos_uri: 'none yet',
          policy_uri: '/privacy',
          logo_uri: 'x',
          software_id: 7,
        })
      ).status,
    ).toBe(201);
  });

  test('cannot take the name of our own pages', async () => {
    const { body } = await register(deployment, { client_id: 'sallyport-control-plane', registered_by: 'first-party' });
    expect(body).toMatchObject({ client_id: expect.stringMatching(/^dcr_/), registered_by: 'dynamic' });
  });
});

describe('client ID metadata documents', () => {
  const serve = (
    path: string,
    changes: Record<string, unknown> = {},
    answer: { never?: boolean; drip?: boolean; status?: number; headers?: Record<string, string> } = {},
  ): string => {
    const clientId = `${documents.origin}${path}`;
    served[path] = {
      ...answer,
      body: {
        client_id: clientId,
        client_name: 'Documented agent',
        redirect_uris: ['http://127.0.0.1:33418/callback'],
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'none',
        ...changes,
      },
    };
    return clientId;
  };

  test('name an agent without registration, on an allow-listed private host (R19)', async () => {
    const agent = new TestAgent(deployment, serve('/plain.json'));
    const interstitial = await agent.open();
    expect(interstitial.html).toContain('Documented agent');
    expect(interstitial.html).toContain(new URL(documents.origin).host);
    const tokens = await agent.connect();
    expect(decodeJwt(String(tokens.body['access_token']))).toMatchObject({
      client_id: agent.clientId,
      agent_name: 'Documented agent',
      agent_assurance: 'asserted',
    });
    expect((await agent.refresh(tokens.body['refresh_token'])).status).toBe(200);
    expect(fetched).toEqual(['/plain.json']);
  });

  test('may hold members without a value, as registrations may (R19)', async () => {
    const empty = {
      client_uri: null,
      logo_uri: '',
      tos_uri: null,
      policy_uri: '',
      jwks_uri: null,
      jwks: null,
      contacts: [],
      scope: null,
      application_type: '',
      token_endpoint_auth_method: null,
      grant_types: [],
      response_types: null,
      client_secret: null,
      client_secret_expires_at: null,
    };
    const agent = new TestAgent(deployment, serve('/empty.json', empty));
    const tokens = await agent.connect();
    expect([tokens.status, typeof tokens.body['refresh_token']]).toEqual([200, 'string']);
    await refusedBefore(serve('/no-redirects.json', { redirect_uris: null }));
  });

  test('with an https redirect on their own host are verified (S2)', async () => {
    const agent = new TestAgent(
      deployment,
      serve('/verified.json', { redirect_uris: [`${documents.origin}/callback`] }),
      `${documents.origin}/callback`,
    );
    const tokens = await agent.connect();
    expect(decodeJwt(String(tokens.body['access_token']))['agent_assurance']).toBe('verified-redirect');
  });

  test('may bring a key; each assertion is good once (S2, S8)', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const clientId = serve('/keyed.json', {
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }] },
    });
    const agent = new TestAgent(deployment, clientId);
    const assertion = (jti: string) =>
      new SignJWT({ jti })
        .setProtectedHeader({ alg: 'ES256', kid: 'k' })
        .setIssuer(clientId)
        .setSubject(clientId)
        .setAudience(deployment.issuer)
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(privateKey);
    const proof = async (jti: string) => ({
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await assertion(jti),
    });
    const answer = await agent.authorize();
    expect((await agent.redeem(answer.get('code'))).status).toBe(401);
    const tokens = await agent.redeem(answer.get('code'), await proof('one'));
    expect(decodeJwt(String(tokens.body['access_token']))['agent_assurance']).toBe('key-authenticated');
    const again = await proof('two');
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => agent.refresh(tokens.body['refresh_token'], again)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ body }) => body['error'] === 'invalid_client')).toHaveLength(11);
  });

  const refusedBefore = async (clientId: string) => {
    const page = await new TestAgent(deployment, clientId).open();
    expect(page.status).toBeGreaterThanOrEqual(400);
    expect(page.url.origin).toBe(deployment.issuer);
  };

  test('on a private address are not fetched unless the administrator allows the host (S19)', async () => {
    await deployment.configure([outbound(false)]);
    await refusedBefore(serve('/private.json'));
    expect(fetched).toEqual([]);
  });

  test.each([
    'https://localhost:1/x.json',
    'https://[::1]:1/x.json',
    'https://169.254.169.254/latest',
    'https://10.0.0.1/x.json',
    'https://127.1:1/x.json',
  ])('at %s are not fetched', async (clientId) => {
    await refusedBefore(clientId);
  });

  test('can be switched off, limited to hosts, and denied by host', async () => {
    for (const change of [{ enabled: false }, { allowedHosts: ['claude.example'] }, { deniedHosts: ['127.0.0.1'] }]) {
      await deployment.configure([registration({ documents: change })]);
      await refusedBefore(serve('/policy.json'));
    }
    expect(fetched).toEqual([]);
    await deployment.configure([registration({ documents: { enabled: false } })]);
    expect(await (await fetch(`${deployment.issuer}/.well-known/oauth-authorization-server`)).json()).toMatchObject({
      client_id_metadata_document_supported: false,
    });
  });

  test('that were remembered are denied as soon as their host is', async () => {
    const agent = new TestAgent(deployment, serve('/remembered.json'));
    expect((await agent.open()).status).toBe(200);
    await deployment.configure([registration({ documents: { deniedHosts: ['127.0.0.1'] } })]);
    await refusedBefore(agent.clientId);
  });

  test.each([
    ['names another client id', { client_id: 'https://other.example/x.json' }, {}],
    ['redirects over plain http', { redirect_uris: ['http://agent.example/cb'] }, {}],
    ['holds a secret', { client_secret: 'x' }, {}],
    ['asks for a shared secret', { token_endpoint_auth_method: 'client_secret_post' }, {}],
    ['is larger than 5 KB', { padding: 'x'.repeat(6000) }, {}],
    ['is a megabyte', { padding: 'x'.repeat(1_048_576) }, {}],
    ['comes a byte at a time', {}, { drip: true }],
    ['is answered by an error', {}, { status: 500 }],
    ['is somewhere else', {}, { status: 302, headers: { location: '/verified.json' } }],
    ['never arrives', {}, { never: true }],
    ['is no JSON by its type', {}, { headers: { 'content-type': 'text/plain' } }],
    [
      'has keys that are not JSON web keys',
      { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'oct', k: 'AAAA' }] } },
      {},
    ],
    [
      'has more redirect URIs than anybody needs',
      { redirect_uris: Array.from({ length: 33 }, (_, index) => `http://127.0.0.1/${index}`) },
      {},
    ],
  ])('that %s is refused', async (what, changes, answer) => {
    await refusedBefore(serve(`/refused-${what.replaceAll(/[^a-z0-9]/gi, '-')}.json`, changes, answer));
  });

  test.each([
    ['is not there', { status: 404 }, {}, 'its document is not there, is too large or no JSON'],
    [
      'is of somebody else',
      {},
      { client_id: 'https://other.example/x.json' },
      'client_id metadata document client_id does not match',
    ],
    [
      'names no redirect URI that can be honoured',
      {},
      { redirect_uris: ['http://agent.example/cb'] },
      'redirect_uris: http://agent.example/cb: http is for loopback addresses only',
    ],
  ])('that %s is told as that, and whose move it is (B32)', async (what, answer, changes, reason) => {
    const page = await new TestAgent(
      deployment,
      serve(`/told-${what.replaceAll(/[^a-z]/g, '-')}.json`, changes, answer),
    ).open();
    expect([
      page.status,
      page.html.includes('This agent is not let in here'),
      page.html.includes(reason),
      page.html.includes('Whoever makes this agent has to mend that.'),
    ]).toEqual([400, true, true, true]);
  });

  /** One that has not seen any document yet. */
  const startReplica = async () => {
    const replica = await deployment.startReplica();
    await deployment.configure([]);
    await eventually(() => replica.readiness().status === 'ready');
    return replica;
  };

  test('that vouch for an agent by its key do so only while the key is asked for (S2)', async () => {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const keyed = {
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: 'ES256',
      jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }] },
    };
    const clientId = serve('/downgraded.json', keyed);
    const agent = new TestAgent(deployment, clientId);
    const proof = async () => ({
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: await new SignJWT({ jti: crypto.randomUUID() })
        .setProtectedHeader({ alg: 'ES256', kid: 'k' })
        .setIssuer(clientId)
        .setSubject(clientId)
        .setAudience(deployment.issuer)
        .setIssuedAt()
        .setExpirationTime('1m')
        .sign(privateKey),
    });
    const answer = await agent.authorize();
    const tokens = await agent.redeem(answer.get('code'), await proof());
    expect(tokens.status).toBe(200);
    serve('/downgraded.json');
    const replica = await startReplica();
    const elsewhere = new TestAgent({ ...deployment, issuer: replica.urls['issuer'] ?? '' }, clientId);
    const refused = await elsewhere.refresh(tokens.body['refresh_token']);
    await replica.close();
    expect([refused.status, refused.body['error']]).toEqual([400, 'invalid_grant']);
    expect((await agent.refresh(tokens.body['refresh_token'], await proof())).status).toBe(200);
  });

  test('that take a redirect URI back take it from requests under way as well', async () => {
    const agent = new TestAgent(deployment, serve('/withdrawn.json'));
    const consent = await agent.press(await agent.open(), /^Continue with/);
    expect(consent.html).toContain('Let “Documented agent” act for you?');
    serve('/withdrawn.json', { redirect_uris: ['http://127.0.0.1:33418/elsewhere'] });
    const replica = await startReplica();
    const page = await agent.browser.open(new URL(consent.url.pathname, replica.urls['issuer']), agent.redirectUri);
    await replica.close();
    expect([page.status, page.html.includes('This request has expired')]).toEqual([400, true]);
  });

  test('and whose host an administrator named are told of errors by a redirect to that host; of any other host by a link on a page (S35)', async () => {
    const callback = `${documents.origin}/callback`;
    const [web, local] = [
      new TestAgent(deployment, serve('/web.json', { redirect_uris: [callback] }), callback),
      new TestAgent(deployment, serve('/local.json')),
    ];
    const toldAt = async (agent: TestAgent) => {
      const response = await fetch(agent.authorizationUrl({ prompt: 'none' }), { redirect: 'manual' });
      return (
        response.headers.get('location')?.split('?', 1)[0] ??
        ((await response.text()).includes('Return to') && 'a page')
      );
    };
    expect([await toldAt(web), await toldAt(local)]).toEqual(['a page', 'a page']);
    await deployment.configure([registration({ documents: { allowedHosts: ['*', '127.0.0.1'] } })]);
    expect([await toldAt(web), await toldAt(local)]).toEqual([callback, 'a page']);
  });

  test('ask for consent again when what they say has changed (S3)', async () => {
    const agent = new TestAgent(
      deployment,
      serve('/changing.json', { redirect_uris: [`${documents.origin}/callback`] }),
      `${documents.origin}/callback`,
    );
    await agent.authorize();
    const silent = await agent.open();
    expect(silent.url.searchParams.get('code')).not.toBeNull();
    // Another agent id stands for the same document after its cache time: the digest is per user and client.
    const { sub } = decodeJwt(String((await agent.redeem(silent.url.searchParams.get('code'))).body['access_token']));
    await deployment.database.agentConsent.update({
      where: { userId_clientId: { userId: String(sub), clientId: agent.clientId } },
      data: { metadataDigest: 'of an earlier document' },
    });
    expect((await agent.open()).html).toContain('Let “Documented agent” act for you?');
  });
});
