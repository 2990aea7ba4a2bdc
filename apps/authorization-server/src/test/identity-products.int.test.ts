import { Document } from '@sallyport/configuration';
import { eventually } from '@sallyport/testing';
import { decodeJwt, exportJWK, generateKeyPair } from 'jose';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  auth0,
  entra,
  entraOrganizations,
  entraOverage,
  google,
  keycloak,
  okta,
  oktaCustom,
  OTHER_TENANT,
  TENANT,
  type IdentityProduct,
} from '../testing/identity-products.js';
import { TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';
import { startTestIdentityProduct, type TestIdentityProduct } from '../testing/test-identity-product.js';

const NAMES = { okta, 'okta-custom': oktaCustom, entra, 'entra-shared': entraOrganizations, google, auth0, keycloak };
type Name = keyof typeof NAMES;
let deployment: TestDeployment;
const products = new Map<string, TestIdentityProduct>();
const served = (name: Name): TestIdentityProduct => products.get(name) ?? expect.fail(`${name} is not served`);

beforeAll(async () => {
  deployment = await startTestDeployment();
  await Promise.all(
    Object.entries<IdentityProduct>(NAMES).map(
      async ([name, product]) => void products.set(name, await startTestIdentityProduct(product)),
    ),
  );
  for (const name of ['birch', 'maple']) await store(name, 'clientSecret', served('okta').clientSecret);
  await deployment.configure(
    [
      document('OutboundNetwork', 'default', {
        allow: [{ host: '127.0.0.1', ports: [...products.values()].map(({ port }) => port), http: true }],
      }),
      document('AccessPolicy', 'employees', { hop: 'client-to-gateway' }),
      document('Role', 'developer', {
        scopes: ['notes.read', 'notes.write'],
        members: [{ trustProvider: 'birch', groups: ['engineering', '/engineering'] }],
      }),
      document('Role', 'admin', {
        scopes: ['notes.admin'],
        members: [{ trustProvider: 'birch', providerRoles: ['operator', 'Notes.Operator'] }],
      }),
    ],
    [{ kind: 'TrustProvider', name: 'test' }],
  );
});
afterAll(async () => {
  await Promise.all([...products.values()].map((product) => product.close()));
  await deployment.close();
});
afterEach(() => {
  for (const product of products.values()) {
    Object.assign(product, {
      claims: {},
      algorithm: 'RS256',
      metadata: {},
      clientKey: undefined,
      issParameter: product === served('keycloak') ? product.issuer : null,
    });
    product.requests.length = product.authentications.length = 0;
  }
});

const document = (kind: string, name: string, spec: Record<string, unknown>) => Document.parse({ kind, name, spec });
const store = async (provider: string, field: string, value: string) => {
  const name = `TrustProvider/${provider}/${field}`;
  const sealed = Uint8Array.from(deployment.sealer.seal('stored-secret', value, name));
  await deployment.database.storedSecret.upsert({ where: { name }, create: { name, sealed }, update: { sealed } });
};
const trust = (name: Name, spec: Record<string, unknown> = {}) => ({
  preset: name.replace(/-(custom|shared)$/, ''),
  issuer: served(name).issuer,
  clientId: 'sallyport',
  clientSecret: { env: 'UNUSED' },
  ...spec,
});
const configure = (spec: Record<string, unknown>) =>
  deployment.configure([document('TrustProvider', 'birch', spec)], [{ kind: 'TrustProvider', name: 'maple' }]);

/** Through the whole sign-in, as the human of the recording. */
async function signIn(name: Name, spec: Record<string, unknown> = {}, asked: Record<string, string> = {}) {
  await configure(trust(name, spec));
  const agent = await TestAgent.register(deployment);
  const page = await agent.press(await agent.open({ scope: 'notes.read notes.admin', ...asked }), /^Continue with/);
  if (page.status !== 200) return { refused: { status: page.status, words: /<p>([^<]+)<\/p>/.exec(page.html)?.[1] } };
  const back = await agent.press(page, 'Allow');
  const { body } = await agent.redeem(back.url.searchParams.get('code'));
  const token = decodeJwt<{
    sub: string;
    roles: string[];
    groups: string[];
    idp_sub: string;
    acr?: string;
    amr: string[];
  }>(String(body['access_token']));
  return {
    agent,
    token,
    refreshToken: body['refresh_token'],
    user: await deployment.database.user.findUniqueOrThrow({ where: { id: token.sub } }),
  };
}
const tokenOf = async (...of: Parameters<typeof signIn>) =>
  (await signIn(...of)).token ?? expect.fail('nobody signed in');
const refusalOf = async (...of: Parameters<typeof signIn>) => {
  deployment.events.length = 0;
  const { refused } = await signIn(...of);
  await eventually(() => deployment.events.some(({ type }) => type === 'user.sign_in_failed'), {
    until: 'the refusal is recorded',
  });
  expect(refused?.status).toBeGreaterThanOrEqual(400);
  return deployment.events.find(({ type }) => type === 'user.sign_in_failed')?.reason;
};

describe('a sign-in with the preset', () => {
  const lena = { email: 'lena@birch.example', name: 'Lena Birch' };
  test.each<
    [
      Name,
      Record<string, unknown>,
      { scope?: string; subject: string; roles: string[]; groups: string[]; providerRoles: string[] },
    ]
  >([
    [
      'okta',
      {},
      {
        scope: 'openid profile email groups',
        subject: '00u1a2b3c4D5e6F7g8h9',
        roles: ['developer'],
        groups: ['Everyone', 'engineering'],
        providerRoles: [],
      },
    ],
    [
      'okta-custom',
      {},
      { subject: '00u1a2b3c4D5e6F7g8h9', roles: ['developer'], groups: ['Everyone', 'engineering'], providerRoles: [] },
    ],
    [
      'entra',
      {},
      {
        subject: `${TENANT}:8a6f2b1e-7c3d-4e5f-a0b1-c2d3e4f50617`,
        roles: ['admin', 'developer'],
        groups: ['engineering', '5d0c1f2e-3b4a-4958-8776-a5b4c3d2e1f0'],
        providerRoles: ['Notes.Operator'],
      },
    ],
    [
      'entra-shared',
      { allowedTenants: [TENANT] },
      {
        subject: `${TENANT}:8a6f2b1e-7c3d-4e5f-a0b1-c2d3e4f50617`,
        roles: ['admin', 'developer'],
        groups: ['engineering', '5d0c1f2e-3b4a-4958-8776-a5b4c3d2e1f0'],
        providerRoles: ['Notes.Operator'],
      },
    ],
    [
      'google',
      { allowedTenants: ['birch.example'] },
      { subject: '104729130817283940561', roles: [], groups: [], providerRoles: [] },
    ],
    [
      'auth0',
      { claims: { groups: 'https://birch.example/groups', roles: '"https://birch.example/roles"' } },
      {
        subject: 'auth0|64b0c1d2e3f4a5b6c7d8e9f0',
        roles: ['admin', 'developer'],
        groups: ['engineering'],
        providerRoles: ['operator'],
      },
    ],
    [
      'keycloak',
      {},
      {
        subject: 'f7c3e2d1-aaaa-4bbb-8ccc-ddddeeeeffff',
        roles: ['admin', 'developer'],
        groups: ['/engineering', '/engineering/platform'],
        providerRoles: ['default-roles-birch', 'operator'],
      },
    ],
  ])(
    '%s understands what the product sends (R7, R32, S1)',
    async (name, spec, { scope = 'openid profile email', subject, roles, groups, providerRoles }) => {
      const { token, user } = await signIn(name, spec);
      expect(token).toMatchObject({ idp: 'birch', idp_sub: subject, roles, groups });
      const issuer = String(NAMES[name].idToken(new URL(served(name).issuer).origin)['iss']).replace(/(:\d+)\/$/, '$1');
      expect(user).toMatchObject({ trustProvider: 'birch', issuer, subject, groups, providerRoles, ...lena });
      expect(served(name).requests[0]?.get('scope')).toBe(scope);
      expect(served(name).requests[0]?.get('code_challenge_method')).toBe('S256');
    },
  );

  test("keycloak reads a client's own roles at a quoted path, or both kinds with an expression (R32)", async () => {
    expect(
      (await signIn('keycloak', { claims: { roles: 'resource_access."notes.app".roles' } })).user?.providerRoles,
    ).toEqual(['editor']);
    expect(
      (
        await signIn('keycloak', {
          claims: { roles: { cel: 'claims.realm_access.roles + claims.resource_access["notes.app"].roles' } },
        })
      ).user?.providerRoles,
    ).toEqual(['default-roles-birch', 'operator', 'editor']);
  });

  test('auth0 works with and without the slash its issuer ends in, as one and the same human (S1)', async () => {
    const ends = [served('auth0').issuer, served('auth0').issuer.replace(/\/$/, '')];
    const [slash, none] = [await signIn('auth0', { issuer: ends[0] }), await signIn('auth0', { issuer: ends[1] })];
    expect(none.user?.id).toBe(slash.user?.id);
  });

  test('google tells its account chooser the one hosted domain, and asks for a new choice where others ask for a password', async () => {
    const { agent } = await signIn('google', { allowedTenants: ['birch.example'] });
    await agent?.press(await agent.open({ prompt: 'login' }), /^Continue with/);
    expect(
      served('google').requests.map((asked) => [asked.get('hd'), asked.get('prompt'), asked.get('max_age')]),
    ).toEqual([
      ['birch.example', null, null],
      ['birch.example', 'select_account', null],
    ]);
  });
});

describe('nobody signs in', () => {
  test.each<[string, Name, Record<string, unknown>, Record<string, unknown>, string]>([
    [
      'of another tenant, at the endpoint all tenants share',
      'entra-shared',
      { allowedTenants: [OTHER_TENANT] },
      {},
      'tenant_not_allowed',
    ],
    [
      'of a tenant that only says it is the allowed one',
      'entra-shared',
      { allowedTenants: [TENANT] },
      { iss: `http://127.0.0.1/${OTHER_TENANT}/v2.0` },
      'trust_provider_refused',
    ],
    ['of no tenant at all', 'entra-shared', { allowedTenants: [TENANT] }, { tid: undefined }, 'trust_provider_refused'],
    [
      "of another tenant, at one tenant's endpoint",
      'entra',
      { allowedTenants: [TENANT] },
      { tid: OTHER_TENANT },
      'tenant_not_allowed',
    ],
    ['without an object id', 'entra', {}, { oid: undefined }, 'subject_missing'],
    ['with more groups than the token lists', 'entra', {}, entraOverage, 'groups_incomplete'],
    [
      'with a private account',
      'google',
      { allowedTenants: ['birch.example'] },
      { hd: undefined },
      'tenant_not_allowed',
    ],
    [
      'of another hosted domain',
      'google',
      { allowedTenants: ['birch.example'] },
      { hd: 'evil.example' },
      'tenant_not_allowed',
    ],
    [
      'with an address Entra never verified',
      'entra',
      { allowedEmailDomains: ['birch.example'] },
      {},
      'email_unverified',
    ],
    [
      'with an address that is not verified',
      'auth0',
      { allowedEmailDomains: ['birch.example'] },
      { email_verified: false },
      'email_unverified',
    ],
  ])('%s (%s) (S1, R7)', async (_what, name, spec, claims, reason) => {
    served(name).claims = claims;
    expect(await refusalOf(name, spec)).toBe(reason);
  });

  test('of a domain that is not allowed; addresses that are verified, or taken to be, are of theirs', async () => {
    expect(await refusalOf('okta', { allowedEmailDomains: ['maple.example'] })).toBe('email_domain_not_allowed');
    expect((await signIn('okta', { allowedEmailDomains: ['birch.example'] })).token).toBeDefined(); // its userinfo says that it is verified
    expect(
      (await signIn('entra', { allowedEmailDomains: ['birch.example'], emailVerified: 'assumed' })).token,
    ).toBeDefined();
    served('entra').claims = { xms_edov: '1' };
    expect((await signIn('entra', { allowedEmailDomains: ['birch.example'] })).token).toBeDefined();
  });

  test('with an overage signs in once groups come from elsewhere', async () => {
    served('entra').claims = entraOverage;
    expect(await tokenOf('entra', { claims: { groups: false } })).toMatchObject({ groups: [], roles: ['admin'] });
  });
});

describe('what a document requires of the authentication', () => {
  test('is asked of the provider and of its answer (R7, R25)', async () => {
    const require = { acr: ['1', '2'], maxAge: '1h' };
    expect(await tokenOf('keycloak', { require })).toMatchObject({ acr: '1' });
    expect(Object.fromEntries(served('keycloak').requests[0] ?? [])).toMatchObject({
      acr_values: '1 2',
      max_age: '3600',
    });
  });

  test.each<[string, Record<string, unknown>, Record<string, unknown>, string]>([
    ['a class that was not asked for', { acr: ['2'] }, {}, 'acr_not_met'],
    ['no class', { acr: ['1'] }, { acr: undefined }, 'acr_not_met'],
    ['no method', { amr: ['mfa'] }, {}, 'amr_not_met'],
    [
      'an authentication of long ago',
      { maxAge: '1h' },
      { auth_time: Math.floor(Date.now() / 1000) - 7200 },
      'auth_too_old',
    ],
    ['no time of authentication', { maxAge: '1h' }, { auth_time: undefined }, 'auth_time_missing'],
  ])('and %s is refused (R7, R25)', async (_what, require, claims, reason) => {
    served('keycloak').claims = claims;
    expect(await refusalOf('keycloak', { require })).toBe(reason);
  });

  test("and a new sign-in is not the provider's memory of an old one", async () => {
    const { agent } = await signIn('keycloak');
    served('keycloak').claims = { auth_time: Math.floor(Date.now() / 1000) - 600 };
    const page = await agent?.press(await agent.open({ prompt: 'login' }), /^Continue with/);
    expect([page?.status, page?.html.includes('too long ago')]).toEqual([403, true]);
  });
});

describe('ID tokens are signed', () => {
  test.each(['RS256', 'PS256', 'ES256', 'EdDSA'])('with %s, where the document allows it', async (algorithm) => {
    served('keycloak').algorithm = algorithm;
    expect(await tokenOf('keycloak')).toMatchObject({ idp: 'birch' });
  });

  test.each([
    ['keycloak', 'HS256', {}],
    ['keycloak', 'none', {}],
    ['auth0', 'HS256', {}],
    ['keycloak', 'RS256', { idTokenAlgorithms: ['ES256'] }],
    ['okta', 'ES256', {}], // its metadata says RS256
  ] as const)('and %s with %s is refused under %j', async (name, algorithm, spec) => {
    served(name).algorithm = algorithm;
    expect(await refusalOf(name, spec)).toBe('trust_provider_refused');
  });

  test('and are not larger than what an expression can be asked to read (S29)', async () => {
    served('keycloak').claims = { padding: 'x'.repeat(64 * 1024) };
    expect(await refusalOf('keycloak')).toBe('trust_provider_refused');
  });

  test('and a provider that offers no allowed algorithm cannot be used', async () => {
    const { refused } = await signIn('okta', { idTokenAlgorithms: ['ES256'] });
    expect([refused?.status, refused?.words]).toEqual([502, expect.stringContaining('no algorithm that is allowed')]);
  });
});

describe('we authenticate at the provider', () => {
  test.each([
    [{ clientSecret: { env: 'UNUSED' } }, 'client_secret_post'],
    [{ clientSecret: { env: 'UNUSED' }, tokenEndpointAuthMethod: 'client_secret_basic' }, 'client_secret_basic'],
    [{ clientSecret: undefined }, 'none'],
  ])('with %j by %s', async (spec, method) => {
    expect(await tokenOf('keycloak', spec)).toBeDefined();
    expect(served('keycloak').authentications).toEqual([{ method }]);
  });

  test.each<[Name, string, 'issuer' | 'token_endpoint']>([
    ['entra', 'PS256', 'token_endpoint'],
    ['okta', 'RS256', 'token_endpoint'],
    ['auth0', 'RS256', 'issuer'],
    ['keycloak', 'ES256', 'issuer'],
    ['keycloak', 'EdDSA', 'issuer'],
  ])('at %s with a key (%s), in an assertion for the %s', async (name, alg, audience) => {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
    served(name).clientKey = { ...(await exportJWK(publicKey)), alg, kid: 'ours' };
    await store(
      'birch',
      'clientKey',
      JSON.stringify({
        ...(await exportJWK(privateKey)),
        alg,
        kid: 'ours',
        'x5t#S256': 'thumbprint-of-the-certificate',
      }),
    );
    expect(await tokenOf(name, { clientSecret: undefined, clientKey: { env: 'UNUSED' } })).toBeDefined();
    const metadata = NAMES[name].metadata(new URL(served(name).issuer).origin);
    expect(served(name).authentications).toEqual([
      {
        method: 'private_key_jwt',
        header: { alg, kid: 'ours', 'x5t#S256': 'thumbprint-of-the-certificate' },
        claims: expect.objectContaining({ aud: metadata[audience] }),
      },
    ]);
  });

  test.each(['no JSON', '{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}', '{"kty":"oct","k":"c2VjcmV0"}'])(
    'never with what is no private key, and say nothing of it: %s (S30)',
    async (stored) => {
      await store('birch', 'clientKey', stored);
      deployment.logLines.length = 0;
      const { refused } = await signIn('okta', { clientSecret: undefined, clientKey: { env: 'UNUSED' } });
      expect([refused?.status, refused?.words]).toEqual([502, expect.stringContaining('is not a private key')]);
      expect(deployment.logLines.join('\n')).not.toContain('c2VjcmV0');
      expect(served('okta').authentications).toEqual([]);
    },
  );
});

describe('a document that is broken', () => {
  test('signs nobody in, however it came here (S29)', async () => {
    expect(await signIn('okta', { claims: { groups: { cel: 'claims.groups.filter(' } } })).toMatchObject({
      refused: { status: 502, words: expect.stringContaining('not set up correctly') },
    });
  });
});
