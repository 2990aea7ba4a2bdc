import { Document, type DocumentOf } from '@sallyport/configuration';
import { describe, expect, test } from 'vitest';
import {
  dependsOnUserInfo,
  mapClaims,
  needsUserInfo,
  vouchesFor,
  type ProvenClaims,
  type SignInMoment,
} from './map-claims.js';

const NOW = 1_800_000_000;
const provider = (spec: Record<string, unknown> = {}) =>
  Document.parse({
    kind: 'TrustProvider',
    name: 'corp',
    spec: { issuer: 'https://idp.example', clientId: 'c', ...spec },
  }) as DocumentOf<'TrustProvider'>;
const claims = {
  iss: 'https://idp.example',
  sub: 'immutable',
  email: 'Alice@Example.com',
  email_verified: true,
  name: 'Alice',
  groups: ['a', 'a', 7, 'b'],
  roles: ['r'],
  auth_time: NOW - 100,
  acr: 'mfa',
  amr: ['pwd', 'otp'],
};
const map = (
  spec: Record<string, unknown>,
  changes: Record<string, unknown> = {},
  more: Partial<ProvenClaims & SignInMoment> = {},
) => {
  const { userInfo, ...moment } = more;
  return mapClaims(provider(spec), { idToken: { ...claims, ...changes }, userInfo }, { now: NOW, ...moment });
};
const refusal = (...of: Parameters<typeof map>) => {
  const mapped = map(...of);
  return mapped.accepted ? 'accepted' : mapped.reason;
};
const identity = (...of: Parameters<typeof map>) => {
  const mapped = map(...of);
  return mapped.accepted ? mapped.identity : undefined;
};

describe('a human', () => {
  test('is the provider, its issuer and their immutable subject, whatever their e-mail says (S1)', () => {
    expect(map({})).toEqual({
      accepted: true,
      identity: {
        trustProvider: 'corp',
        issuer: 'https://idp.example',
        subject: 'immutable',
        email: 'Alice@Example.com',
        name: 'Alice',
        groups: ['a', 'b'],
        providerRoles: ['r'],
      },
      authTime: NOW - 100,
      acr: 'mfa',
      amr: ['pwd', 'otp'],
    });
  });

  test.each([undefined, '', 7, ['immutable'], 'x'.repeat(513), 'nul\u0000', '\ud800'])(
    'is nobody without a subject: %j (S1)',
    (sub) => {
      expect(refusal({}, { sub })).toBe('subject_missing');
    },
  );

  test('is not named by the userinfo endpoint, which is not signed (S1)', () => {
    expect(refusal({ claims: { subject: 'employee' } }, {}, { userInfo: { employee: 'e-1' } })).toBe('subject_missing');
    expect(
      identity({ claims: { subject: 'employee' } }, { employee: 'e-2' }, { userInfo: { employee: 'e-1' } })?.subject,
    ).toBe('e-2');
  });

  test('may have their subject from an expression; one that fails names nobody (S1)', () => {
    const spec = { claims: { subject: { cel: 'claims.org + "/" + claims.sub' } } };
    expect(identity(spec, { org: 'acme' })?.subject).toBe('acme/immutable');
    expect(refusal(spec)).toBe('subject_missing');
    expect(refusal(spec, { org: 7 })).toBe('subject_missing');
  });

  test('was authenticated when the provider says, or it is not known when', () => {
    const when = [{}, { auth_time: undefined }, { auth_time: '1' }, { auth_time: -1 }].map((change) => {
      const mapped = map({}, change);
      return mapped.accepted && mapped.authTime;
    });
    expect(when).toEqual([NOW - 100, undefined, undefined, undefined]);
  });
});

describe('groups and roles', () => {
  test.each<[unknown, unknown, string[]]>([
    ['groups', 'only', ['only']],
    ['groups', 3, []],
    ['groups', undefined, []],
    ['groups', { a: true }, []],
    [false, ['a'], []],
    [{ cel: 'claims.groups.filter(g, g.startsWith("mcp-"))' }, ['mcp-a', 'other', 'mcp-b'], ['mcp-a', 'mcp-b']],
    [{ cel: 'claims.groups.filter(g, g.startsWith("mcp-"))' }, undefined, []],
  ])('read from %j of %j are %j (R32)', (source, groups, expected) => {
    expect(identity({ claims: { groups: source } }, { groups })?.groups).toEqual(expected);
  });

  test.each<[string, string[]]>([
    ['realm_access.roles', ['realm-role']],
    ['resource_access."my.client".roles', ['client-role']],
    ['https://acme.example/roles', ['namespaced']],
    ['"https://acme.example/roles"', ['namespaced']],
    ['realm_access', []],
    ['realm_access.roles.length', []],
    ['constructor.name', []],
    ['__proto__.x', []],
  ])('are found at the path %s: %j (R32)', (path, expected) => {
    const shape = {
      realm_access: { roles: ['realm-role'] },
      resource_access: { 'my.client': { roles: ['client-role'] } },
      'https://acme.example/roles': ['namespaced'],
    };
    expect(identity({ claims: { roles: path } }, shape)?.providerRoles).toEqual(expected);
  });

  test('depend on the userinfo endpoint where the ID token says nothing of what decides; a name decides nothing (B4, R84)', () => {
    const document = provider({ claims: { roles: false } });
    const without = (...names: string[]) =>
      Object.fromEntries(Object.entries(claims).filter(([name]) => !names.includes(name)));
    expect(dependsOnUserInfo(document, without('name', 'email', 'email_verified'))).toBe(false);
    expect(dependsOnUserInfo(document, without('groups'))).toBe(true);
    const byDomain = provider({ claims: { roles: false }, allowedEmailDomains: ['example.com'] });
    expect([
      dependsOnUserInfo(byDomain, claims),
      dependsOnUserInfo(byDomain, without('email')),
      dependsOnUserInfo(byDomain, without('email_verified')),
    ]).toEqual([false, true, true]);
  });

  test('may come from the userinfo endpoint, where the ID token says nothing', () => {
    const document = provider({ claims: { roles: false } });
    expect(needsUserInfo(document, claims)).toBe(false);
    expect(needsUserInfo(document, { ...claims, groups: undefined })).toBe(true);
    expect(identity({}, { groups: undefined }, { userInfo: { groups: ['u'], roles: ['ignored'] } })).toMatchObject({
      providerRoles: ['r'],
    });
    const { groups: _absent, ...withoutGroups } = claims;
    const mapped = mapClaims(document, { idToken: withoutGroups, userInfo: { groups: ['u'] } }, { now: NOW });
    expect(mapped).toMatchObject({ identity: { groups: ['u'] } });
  });

  test.each([
    [
      'named, but to be fetched elsewhere',
      {
        groups: undefined,
        _claim_names: { groups: 'src1' },
        _claim_sources: { src1: { endpoint: 'https://graph.example/memberObjects' } },
      },
    ],
    ['said to be too many', { groups: undefined, hasgroups: true }],
    ['more than are kept', { groups: Array.from({ length: 513 }, (_, index) => `g${index}`) }],
  ])('that are %s sign nobody in: a policy might speak of the missing ones (S1, R32)', (_what, change) => {
    expect(refusal({}, change)).toBe('groups_incomplete');
    expect(refusal({ claims: { groups: { cel: 'claims.groups' } } }, change)).toBe('groups_incomplete');
    expect(refusal({ claims: { groups: false } }, change)).toBe('accepted');
  });
});

describe('allowed e-mail domains', () => {
  const limited = { allowedEmailDomains: ['example.com'] };
  test.each([
    [{}, 'accepted'],
    [{ email: 'alice@sub.example.com' }, 'email_domain_not_allowed'],
    [{ email: 'alice@example.com.evil.example' }, 'email_domain_not_allowed'],
    [{ email: 'example.com' }, 'email_domain_not_allowed'],
    [{ email: 'alice@evil.example@example.com' }, 'accepted'],
    [{ email: undefined }, 'email_missing'],
    [{ email_verified: false }, 'email_unverified'],
    [{ email_verified: 'false' }, 'email_unverified'],
    [{ email_verified: undefined }, 'email_unverified'],
    [{ email_verified: 'yes' }, 'email_unverified'],
    [{ email_verified: 'true' }, 'accepted'],
  ])('let exactly verified addresses of theirs in: %j is %s', (change, expected) => {
    expect(refusal(limited, change)).toBe(expected);
  });

  test('take silence for yes only where the document says so; a no is a no', () => {
    const assumed = { ...limited, emailVerified: 'assumed' };
    expect([refusal(assumed, { email_verified: undefined }), refusal(assumed, { email_verified: false })]).toEqual([
      'accepted',
      'email_unverified',
    ]);
  });

  test('believe the verification of the address it is said of, and of no other', () => {
    const silent = { email_verified: undefined };
    expect(refusal(limited, silent, { userInfo: { email: claims.email, email_verified: true } })).toBe('accepted');
    expect(refusal(limited, silent, { userInfo: { email: 'other@example.com', email_verified: true } })).toBe(
      'email_unverified',
    );
    expect(refusal(limited, {}, { userInfo: { email: claims.email, email_verified: false } })).toBe('email_unverified');
    expect(
      needsUserInfo(provider({ ...limited, claims: { groups: false, roles: false } }), { ...claims, ...silent }),
    ).toBe(true);
  });
});

describe('what is required of a sign-in', () => {
  test.each<[Record<string, unknown>, Record<string, unknown>, string]>([
    [{ acr: ['mfa', 'hwk'] }, {}, 'accepted'],
    [{ acr: ['hwk'] }, {}, 'acr_not_met'],
    [{ acr: ['hwk'] }, { acr: undefined }, 'acr_not_met'],
    [{ acr: ['hwk'] }, { acr: ['hwk'] }, 'acr_not_met'],
    [{ amr: ['otp'] }, {}, 'accepted'],
    [{ amr: ['pwd', 'otp'] }, {}, 'accepted'],
    [{ amr: ['otp', 'hwk'] }, {}, 'amr_not_met'],
    [{ amr: ['otp'] }, { amr: undefined }, 'amr_not_met'],
    [{ maxAge: '5m' }, {}, 'accepted'],
    [{ maxAge: '5m' }, { auth_time: NOW - 359 }, 'accepted'],
    [{ maxAge: '5m' }, { auth_time: NOW - 361 }, 'auth_too_old'],
    [{ maxAge: '5m' }, { auth_time: undefined }, 'auth_time_missing'],
    [{ maxAge: '5m' }, { auth_time: String(NOW) }, 'auth_time_missing'],
  ])('%j of %j is %s (R25, R7)', (require, change, expected) => {
    expect(refusal({ require }, change)).toBe(expected);
  });

  test('anew is not what the provider remembers from before', () => {
    expect(refusal({}, { auth_time: NOW - 61 }, { freshSince: NOW })).toBe('auth_too_old');
    expect(refusal({}, { auth_time: NOW - 59 }, { freshSince: NOW })).toBe('accepted');
  });
});

describe('tenants', () => {
  const [ours, theirs] = ['11111111-2222-3333-4444-555555555555', '99999999-8888-7777-6666-555555555555'];
  const entra = { preset: 'entra', issuer: `https://login.example/${ours}/v2.0` };
  const shared = {
    preset: 'entra',
    issuer: 'https://login.example/organizations/v2.0',
    allowedTenants: [ours.toUpperCase()],
  };
  const of = (tid: string) => ({ iss: `https://login.example/${tid}/v2.0`, tid, oid: 'o-1' });

  test('an Entra subject is tenant and object id, not the pairwise sub (S1)', () => {
    expect(identity(entra, of(ours))).toMatchObject({
      issuer: `https://login.example/${ours}/v2.0`,
      subject: `${ours}:o-1`,
    });
    expect(refusal(entra, { ...of(ours), oid: undefined })).toBe('subject_missing');
    expect(refusal(entra, { ...of(ours), tid: undefined })).toBe('subject_missing');
  });

  test('of a shared issuer are those that are listed (S1)', () => {
    expect(identity(shared, of(ours))?.issuer).toBe(`https://login.example/${ours}/v2.0`);
    expect(refusal(shared, of(theirs))).toBe('tenant_not_allowed');
    expect(refusal(shared, { ...of(theirs), tid: ours })).toBe('tenant_not_allowed');
    expect(refusal({ ...shared, allowedTenants: undefined }, of(ours))).toBe('provider_invalid');
  });

  test('at Google are hosted domains, which a private account has none of', () => {
    const google = { preset: 'google', issuer: 'https://accounts.example', allowedTenants: ['acme.example'] };
    const iss = 'https://accounts.example';
    expect(
      [{ iss, hd: 'acme.example' }, { iss, hd: 'evil.example' }, { iss }, { iss, hd: ['acme.example'] }].map((change) =>
        refusal(google, change),
      ),
    ).toEqual(['accepted', 'tenant_not_allowed', 'tenant_not_allowed', 'tenant_not_allowed']);
  });
});

describe('somebody who signed in earlier', () => {
  const alice = { issuer: 'https://idp.example', email: 'alice@example.com' };
  test('is vouched for as long as the provider is the same and still takes their address (S1)', () => {
    expect(vouchesFor(provider(), alice)).toBe(true);
    expect(vouchesFor(provider({ issuer: 'https://idp.example/' }), alice)).toBe(true);
    expect(vouchesFor(provider({ issuer: 'https://other.example' }), alice)).toBe(false);
    expect(vouchesFor(provider({ issuer: 'https://idp.example/realm' }), alice)).toBe(false);
    expect(vouchesFor(provider({ allowedEmailDomains: ['example.com'] }), alice)).toBe(true);
    expect(vouchesFor(provider({ allowedEmailDomains: ['corp.example'] }), alice)).toBe(false);
    expect(vouchesFor(provider({ allowedEmailDomains: ['example.com'] }), { ...alice, email: undefined })).toBe(false);
  });

  test('of a tenant that is no longer listed is not vouched for', () => {
    const of = (allowedTenants: string[]) =>
      provider({ preset: 'entra', issuer: 'https://login.example/common/v2.0', allowedTenants });
    const [stays, goes] = ['11111111-2222-3333-4444-555555555555', '99999999-8888-7777-6666-555555555555'];
    const human = { issuer: `https://login.example/${goes}/v2.0`, email: undefined };
    expect([vouchesFor(of([stays, goes]), human), vouchesFor(of([stays]), human)]).toEqual([true, false]);
  });
});
