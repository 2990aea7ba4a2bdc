import type { Verification } from '@sallyport/access-token';
import { createSnapshot, Document, documentMap, RevocationIndex } from '@sallyport/configuration';
import { namedId, newId, SallyportError, Secret } from '@sallyport/kernel';
import type { Caller } from '@sallyport/policy';
import { beforeEach, describe, expect, it } from 'vitest';
import { Administrators, type AdministratorsParts } from './administrators.js';

const TOKEN = 'sp_admin_0123456789';
const okta = { kind: 'TrustProvider', name: 'okta', spec: { issuer: 'https://okta.example', clientId: 'c' } };
const owners = {
  kind: 'Administrators',
  name: 'owners',
  spec: { role: 'owner', members: [{ trustProvider: 'okta', groups: ['owners'] }], agents: ['deploy'] },
};
const deploy = {
  kind: 'Agent',
  name: 'deploy',
  spec: { displayName: 'D', machine: {}, authentication: { method: 'client_secret', clientSecret: { env: 'S' } } },
};
const olga = {
  trustProvider: 'okta',
  issuer: 'https://okta.example',
  subject: '00u1',
  name: 'Olga',
  email: 'olga@example.com',
  groups: ['owners'],
  providerRoles: [],
};
const caller = (userId: Caller['userId'], clientId: string): Caller => ({
  userId,
  clientId,
  agentName: 'A',
  agentAssurance: 'asserted',
  isKeyBound: false,
  trustProvider: 'okta',
  subject: '00u1',
  sid: newId('ses'),
  scopes: new Set(),
  roles: [],
  groups: [],
  authTime: 0,
  issuedAt: 0,
  expiresAt: 1,
  acr: undefined,
  amr: [],
});

/** What the tests change. */
let documents: object[];
let user: typeof olga | undefined;
let verification: Verification;
let isStale: boolean;
beforeEach(() => {
  [documents, user, isStale] = [[okta, owners, deploy], olga, false];
  verification = { ok: true, caller: caller(newId('usr'), 'sallyport-cli'), kid: 'at-1' };
});

const parts: AdministratorsParts = {
  token: new Secret(TOKEN),
  verifier: {
    verify: () => Promise.resolve(verification),
    recall: () => {
      if (isStale) throw new SallyportError('configuration_stale', 'too old');
      return verification.ok ? verification : undefined;
    },
  },
  findUser: () => Promise.resolve(user),
  snapshot: () => {
    if (isStale) throw new SallyportError('configuration_stale', 'too old');
    const all = documentMap(documents.map((document) => Document.parse(document)));
    return createSnapshot({ epoch: 'e', revision: 1, documents: all, revocations: new RevocationIndex(() => 0) });
  },
};
const administrators = new Administrators(parts);
const rolesOf = async () => {
  const identified = await administrators.identify('Bearer eyJ');
  return identified.ok ? identified.administrator.roles : identified.reason;
};

describe('the roles of an administrator are those of now (S4, S29)', () => {
  it('a user has what the documents give their groups', async () => {
    expect(await administrators.identify('Bearer eyJ')).toMatchObject({
      administrator: { actor: { type: 'user', name: 'olga@example.com' }, roles: ['owner'] },
    });
  });

  it.each<[string, () => void]>([
    ['no document names them any more', () => (documents = [okta, deploy])],
    ['their identity provider says they left the group', () => (user = { ...olga, groups: [] })],
    ['their identity provider is another one now', () => (user = { ...olga, issuer: 'https://other.example' })],
    ['their identity provider is gone', () => (documents = [owners, deploy])],
    ['nobody knows them', () => (user = undefined)],
  ])('and has none once %s', async (_when, change) => {
    expect(await rolesOf()).toEqual(['owner']);
    change();
    expect(await rolesOf()).toEqual([]);
  });

  it('a pipeline has its own, as long as it is a machine', async () => {
    verification = { ok: true, caller: caller(namedId('agt', 'deploy'), 'deploy'), kid: 'at-1' };
    expect(await rolesOf()).toEqual(['owner']);
    documents = [okta, owners];
    expect(await rolesOf()).toEqual([]);
  });

  it('a token that is not good says why', async () => {
    verification = { ok: false, reason: 'revoked' };
    expect(await rolesOf()).toBe('revoked');
  });
});

describe('the token file is for emergencies', () => {
  it('works where no configuration can be trusted, and nothing else does', async () => {
    isStale = true;
    expect(await administrators.identify(`Bearer ${TOKEN}`)).toMatchObject({
      administrator: { actor: { type: 'token' }, roles: ['owner'] },
    });
    await expect(administrators.identify('Bearer eyJ')).rejects.toMatchObject({ code: 'configuration_stale' });
  });

  it.each([undefined, '', `Basic ${TOKEN}`, `Bearer ${TOKEN} `, 'Bearer'])('not as %j', async (authorization) => {
    expect(await administrators.identify(authorization)).toEqual({ ok: false, reason: 'missing' });
  });

  it('a part of it is no token', async () => {
    verification = { ok: false, reason: 'malformed' };
    expect(await administrators.identify(`Bearer ${TOKEN.slice(1)}`)).toEqual({ ok: false, reason: 'malformed' });
  });
});

it('who was verified before goes first, without a look at anything (S34)', () => {
  expect([administrators.isKnown(`Bearer ${TOKEN}`), administrators.isKnown('Bearer eyJ')]).toEqual([true, true]);
  isStale = true;
  expect([administrators.isKnown('Bearer eyJ'), administrators.isKnown(undefined)]).toEqual([false, false]);
});
