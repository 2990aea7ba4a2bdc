import { OAUTH_PRESETS } from '@sallyport/configuration';
import { findSecrets } from '@sallyport/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  alice,
  Browser,
  database,
  declared,
  deployForEachTest,
  endPause,
  lease,
  linkFor,
  log,
  notes,
  shown,
  start,
} from '../../test/connect-deployment.js';
import {
  startProviderServer,
  type ProviderAnswer,
  type ProviderRequest,
  type ProviderServer,
} from '../../test/provider-server.js';

deployForEachTest();

describe('a provider that cannot be discovered', () => {
  let saas: ProviderServer;
  const target = { server: 'saas', targetOrigin: 'https://saas.example' };
  const configure = async (spec: string, authentication = 'client_secret_post') => {
    declared.further = `---
kind: McpServer
name: saas
spec: { url: "https://saas.example/mcp" }
---
kind: CredentialProvider
name: saas-user
spec: { type: oauth-user, server: saas, authorizationEndpoint: "${saas.origin}/authorize", tokenEndpoint: "${saas.origin}/token", client: { authentication: ${authentication}, clientId: gateway, clientSecret: { env: SEARCH_KEY } }, ${spec} }
---
kind: AccessPolicy
name: saas-policy
spec: { hop: gateway-to-server, server: saas, credentialProvider: saas-user }
`;
    await start(notes.resource);
  };
  const connectSaas = async (rejectedConnectionRevision?: number) => {
    const browser = new Browser(alice.userId);
    return browser.submit(
      await browser.open(
        await linkFor(alice, {
          ...target,
          ...(rejectedConnectionRevision === undefined ? {} : { rejectedConnectionRevision }),
        }),
      ),
    );
  };
  const asked = (path: string) => saas.requests.filter((request) => request.path === path);
  const granted = (number: number, more: object = {}) => ({
    access_token: `saas-access-${number}`,
    refresh_token: `saas-refresh-${number}`,
    token_type: 'bearer',
    expires_in: 3600,
    ...more,
  });
  beforeEach(async () => {
    saas = await startProviderServer();
  });
  afterEach(() => saas.stop());

  interface Habit {
    readonly spec?: string;
    readonly authentication?: string;
    readonly authorize?: Record<string, string | null>;
    readonly fields?: Record<string, string | undefined>;
    readonly json?: boolean;
    /** How a grant is answered, the refreshed one too. */
    readonly grant?: (number: number, request: ProviderRequest) => object;
    readonly dead: ProviderAnswer;
  }
  const habits: Record<string, Habit> = {
    atlassian: {
      spec: 'scopes: [read, offline_access]',
      authorize: { audience: 'api.atlassian.com', prompt: 'consent', resource: null, scope: 'read offline_access' },
      json: true,
      dead: { status: 403, json: { error: 'unauthorized_client', error_description: 'refresh_token is invalid' } },
    },
    github: {
      spec: 'scopes: [repo, user]',
      authorize: { scope: 'repo user', resource: null },
      grant: (number) => granted(number, { expires_in: '28800', scope: 'repo,user' }),
      dead: { json: { error: 'bad_refresh_token' } },
    },
    google: {
      spec: `scopes: [openid], issuer: "https://accounts.google.com"`,
      authorize: { access_type: 'offline', prompt: 'consent', resource: null },
      dead: { status: 400, json: { error: 'invalid_grant' } },
      grant: (number, { fields }) => ({
        ...granted(number),
        ...(fields['grant_type'] === 'refresh_token' ? { refresh_token: undefined } : {}),
      }),
    },
    hubspot: {
      authorize: { code_challenge: null, resource: null },
      dead: { status: 400, json: { status: 'BAD_REFRESH_TOKEN', message: 'missing or invalid refresh token' } },
    },
    linear: {
      spec: 'scopes: [read, write]',
      authorize: { scope: 'read,write' },
      grant: (number) => granted(number, { scope: 'read,write' }),
      dead: { status: 400, json: { error: 'invalid_grant' } },
    },
    microsoft: {
      spec: 'scopes: [offline_access, User.Read]',
      authorize: { resource: null },
      dead: { status: 400, json: { error: 'interaction_required', error_description: 'AADSTS50076' } },
    },
    notion: {
      authentication: 'client_secret_basic',
      authorize: { owner: 'user', code_challenge: null, scope: null },
      json: true,
      dead: { status: 400, json: { error: 'invalid_grant' } },
    },
    salesforce: {
      authorize: { resource: null },
      grant: (number) => ({ ...granted(number), expires_in: undefined, issued_at: '1700000000000' }),
      dead: { status: 400, json: { error: 'invalid_grant', error_description: 'expired access/refresh token' } },
    },
    sentry: {
      spec: 'scopes: ["org:read"]',
      authorize: { scope: 'org:read' },
      grant: (number) => granted(number, { expires_in: 2_591_999, expires_at: '2030-01-01T00:00:00Z' }),
      dead: { status: 400, json: { error: 'invalid_grant' } },
    },
    slack: {
      spec: 'scopes: ["channels:read", "chat:write"]',
      authorize: { user_scope: 'channels:read,chat:write', scope: null, code_challenge: null },
      grant: (number, { fields }) =>
        fields['grant_type'] === 'refresh_token'
          ? { ok: true, ...granted(number, { token_type: 'user' }) }
          : {
              ok: true,
              ...granted(99, { token_type: 'bot' }),
              authed_user: granted(number, { id: 'U1', token_type: 'user' }),
            },
      dead: { json: { ok: false, error: 'invalid_refresh_token' } },
    },
  };

  test('is visited by https, or as plainly as the administrator allows that host, and not otherwise', async () => {
    await configure('scopes: []');
    declared.further = declared.further.replace(`${saas.origin}/authorize`, 'http://login.example/authorize');
    await start(notes.resource);
    expect((await connectSaas()).html).toContain('could not be connected');
    expect(
      (await database.event.findFirstOrThrow({ where: { type: 'connection.refresh_failed' } })).body,
    ).toMatchObject({ detail: { reason: 'insecure_authorization_endpoint' } });
  });

  test('has a habit to test for each preset', () =>
    expect(Object.keys(habits).toSorted()).toEqual([...OAUTH_PRESETS].toSorted()));
  test.each(Object.entries(habits))(
    'and behaves like %s is connected, refreshed, and asked for again when its grant is dead (R36, R38)',
    async (preset, habit) => {
      await configure(`preset: ${preset}${habit.spec === undefined ? '' : `, ${habit.spec}`}`, habit.authentication);
      if (preset === 'google') saas.tamper = (parameters) => parameters.set('iss', 'https://accounts.google.com');
      let number = 0;
      saas.answer = (request) => ({ json: (habit.grant ?? granted)((number += 1), request) });
      expect((await connectSaas()).html).toContain('<h1>Connected</h1>');
      const query = asked('/authorize')[0]?.query;
      for (const [name, value] of Object.entries(habit.authorize ?? {}))
        expect([name, query?.get(name) ?? null]).toEqual([name, value]);
      expect(await lease(alice, target)).toMatchObject({
        type: 'granted',
        headers: { authorization: 'Bearer saas-access-1' },
      });
      expect(await lease(alice, { ...target, rejectedConnectionRevision: 1 })).toMatchObject({
        type: 'granted',
        headers: { authorization: 'Bearer saas-access-2' },
        connectionRevision: 2,
      });
      const [exchange, refresh] = asked('/token');
      expect([
        exchange?.fields['grant_type'],
        exchange?.fields['code'],
        'code_verifier' in (exchange?.fields ?? {}),
        exchange?.fields['resource'],
      ]).toEqual(['authorization_code', 'the-code', query?.has('code_challenge'), undefined]);
      expect([
        refresh?.fields['grant_type'],
        refresh?.fields['refresh_token'],
        refresh?.headers['content-type'],
      ]).toEqual([
        'refresh_token',
        'saas-refresh-1',
        habit.json === true ? 'application/json' : 'application/x-www-form-urlencoded',
      ]);
      if (habit.authentication === 'client_secret_basic')
        expect(refresh?.headers.authorization).toBe(`Basic ${btoa('gateway:search-key-0123456789')}`);
      else expect(refresh?.fields['client_secret']).toBe('search-key-0123456789');
      const row = await database.connection.findFirstOrThrow();
      expect(row.accessExpiresAt === null || row.accessExpiresAt.getTime() > Date.now()).toBe(true);
      expect(row.refreshDueAt).not.toBeNull();
      if (preset === 'github') expect(row.scopes).toEqual(['repo', 'user']);
      saas.answer = () => ({ status: 503, json: {} });
      await database.connection.updateMany({ data: { accessExpiresAt: new Date(0) } });
      expect(await lease(alice, target)).toMatchObject({ type: 'provider_unavailable' });
      await endPause();
      saas.answer = () => ({ status: 401, json: { error: 'invalid_client' } });
      expect(await lease(alice, target)).toMatchObject({ type: 'provider_unavailable' });
      await endPause();
      saas.answer = () => habit.dead;
      expect((await lease(alice, target)).type).toBe('connect_required');
      expect((await database.connection.findFirstOrThrow()).state).toBe('needs_reconnect');
      expect(
        findSecrets(
          { log: log.join(''), pages: shown.join('\n') },
          { access: 'saas-access-2', refresh: 'saas-refresh-1', secret: 'search-key-0123456789' },
        ),
      ).toEqual([]);
    },
  );

  test.each<[string, string, object, (row: { accessExpiresAt: Date | null; refreshDueAt: Date | null }) => boolean]>([
    [
      'in milliseconds',
      'expiresIn: milliseconds',
      { expires_in: 60_000 },
      ({ accessExpiresAt }) => (accessExpiresAt?.getTime() ?? 0) < Date.now() + 61_000,
    ],
    [
      'as a date',
      'pkce: true',
      { expires_in: new Date(Date.now() + 60_000).toISOString() },
      ({ accessExpiresAt }) => (accessExpiresAt?.getTime() ?? 0) < Date.now() + 61_000,
    ],
    [
      'not at all, for a token that never expires, as an OAuth app of GitHub',
      'preset: github',
      { expires_in: undefined, refresh_token: undefined },
      ({ accessExpiresAt, refreshDueAt }) => accessExpiresAt === null && refreshDueAt === null,
    ],
    [
      'not at all, for one that does',
      'unsaidLifetime: 2m',
      { expires_in: undefined },
      ({ accessExpiresAt }) => (accessExpiresAt?.getTime() ?? Number.POSITIVE_INFINITY) < Date.now() + 121_000,
    ],
  ])('may tell a lifetime %s', async (_how, spec, more, holds) => {
    await configure(spec);
    saas.answer = () => ({ json: granted(1, more) });
    await connectSaas();
    expect(await database.connection.findFirstOrThrow()).toSatisfy(holds);
  });

  test("is asked with PKCE and the server's resource unless its document says otherwise, with its own parameters, and refreshed elsewhere (S25)", async () => {
    await configure(
      `refreshEndpoint: "${saas.origin}/refresh", tokenParameters: { flavour: x }, authorizeParameters: { audience: y }`,
    );
    let number = 0;
    saas.answer = () => ({ json: granted((number += 1)) });
    await connectSaas();
    expect(Object.fromEntries(asked('/authorize')[0]?.query ?? [])).toMatchObject({
      code_challenge_method: 'S256',
      resource: 'https://saas.example/mcp',
      audience: 'y',
    });
    expect(asked('/token')[0]?.fields).toMatchObject({
      resource: 'https://saas.example/mcp',
      flavour: 'x',
      code_verifier: expect.any(String),
    });
    expect(await lease(alice, { ...target, rejectedConnectionRevision: 1 })).toMatchObject({ connectionRevision: 2 });
    expect([
      asked('/token').length,
      asked('/refresh').map(({ fields }) => [fields['grant_type'], fields['flavour']]),
    ]).toEqual([1, [['refresh_token', 'x']]]);
  });

  test.each(['POST', 'GET'])(
    'that has no refresh tokens exchanges the access token itself for a newer one, by %s (R38)',
    async (method) => {
      await configure(
        `refreshEndpoint: "${saas.origin}/renew", resource: false, renewal: { grantType: th_refresh_token, tokenParameter: access_token, method: ${method} }`,
      );
      let number = 0;
      saas.answer = () => ({ json: granted((number += 1), { refresh_token: undefined, expires_in: 5_184_000 }) });
      await connectSaas();
      expect((await database.connection.findFirstOrThrow()).refreshDueAt).not.toBeNull();
      for (const revision of [1, 2]) {
        await database.connection.updateMany({ data: { accessExpiresAt: new Date(0) } });
        expect(await lease(alice, target)).toMatchObject({
          type: 'granted',
          headers: { authorization: `Bearer saas-access-${revision + 1}` },
          connectionRevision: revision + 1,
        });
      }
      const sent = asked('/renew').map(({ query, fields }) => (method === 'GET' ? Object.fromEntries(query) : fields));
      expect(sent).toMatchObject(
        [1, 2].map((each) => ({
          grant_type: 'th_refresh_token',
          access_token: `saas-access-${each}`,
          client_id: 'gateway',
          client_secret: 'search-key-0123456789',
        })),
      );
      expect(findSecrets({ log: log.join('') }, { access: 'saas-access-2', secret: 'search-key-0123456789' })).toEqual(
        [],
      );
    },
  );

  test('that names another issuer than its document connects nobody, and its code is shown to nobody (S25)', async () => {
    await configure('pkce: true');
    saas.answer = () => ({ json: granted(1) });
    saas.tamper = (parameters) => parameters.set('iss', 'https://evil.example');
    expect((await connectSaas()).status).toBe(502);
    expect([asked('/token').length, await database.connection.count()]).toEqual([0, 0]);
  });

  test('whose answer holds only a token of another type gives no credential (R34)', async () => {
    await configure('preset: slack');
    saas.answer = () => ({ json: { ok: true, ...granted(9, { token_type: 'bot' }) } });
    expect((await connectSaas()).status).toBe(502);
    expect(await database.connection.count()).toBe(0);
  });

  test('sends no stored token to another token endpoint that its document comes to name (S20)', async () => {
    await configure('pkce: true');
    saas.answer = () => ({ json: granted(1) });
    await connectSaas();
    await configure(`pkce: true, refreshEndpoint: "${saas.origin}/elsewhere"`);
    expect((await lease(alice, { ...target, rejectedConnectionRevision: 1 })).type).toBe('connect_required');
    expect(asked('/elsewhere')).toEqual([]);
  });
});
