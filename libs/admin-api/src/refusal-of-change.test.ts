import { AdministratorRole, Document, type DocumentKind } from '@sallyport/configuration';
import { describe, expect, it, test } from 'vitest';
import { isPermitted, PERMISSIONS, permissionToWrite, refusalOf, type Writer } from './index.js';

const documentOf = (kind: DocumentKind, name: string, spec: object): Document => Document.parse({ kind, name, spec });
const okta = (spec: object = {}) =>
  documentOf('TrustProvider', 'okta', { issuer: 'https://okta.example', clientId: 'c', ...spec });
const okta2 = documentOf('TrustProvider', 'partners', { issuer: 'https://partners.example', clientId: 'c' });
const machine = (name: string, authentication: object) =>
  documentOf('Agent', name, { displayName: name, machine: {}, authentication });
const github = (name: string) =>
  documentOf('WorkloadIssuer', name, {
    type: 'oidc',
    issuer: `https://${name}.example`,
    jwksUri: `https://${name}.example/jwks`,
  });
const withKey = (method: object) => ({ method: 'client_secret', clientSecret: { env: 'SECRET' }, ...method });
const stored = [
  okta(),
  okta2,
  machine('deploy', { method: 'workload', issuer: 'ci', subject: 'repo:acme/config' }),
  machine('nightly', withKey({})),
  github('ci'),
  github('other'),
  documentOf('Administrators', 'owners', { role: 'owner', members: [{ trustProvider: 'okta', groups: ['owners'] }] }),
  documentOf('Administrators', 'pipeline', { role: 'policy-author', agents: ['deploy'] }),
];
const bob: Writer['who'] = {
  type: 'user',
  membership: { trustProvider: 'okta', subject: '00u2', groups: ['staff'], providerRoles: [] },
};
const server = (url: string) => documentOf('McpServer', 'notes', { url });
const staff = documentOf('Role', 'staff', {
  scopes: ['notes.read'],
  members: [{ trustProvider: 'okta', groups: ['staff'] }],
});
const others = documentOf('Role', 'others', {
  scopes: ['notes.read'],
  members: [{ trustProvider: 'okta', groups: ['others'] }],
});

test('every kind of document has a permission of its own to write it, and viewers and auditors have none (S29)', () => {
  const kinds = Document.options.map(({ shape }) => shape.kind.value);
  const permissions = kinds.map(permissionToWrite);
  expect(new Set(permissions).size).toBe(kinds.length);
  for (const permission of permissions) {
    expect(isPermitted(['viewer', 'auditor'], permission)).toBe(false);
    expect(isPermitted(['owner'], permission)).toBe(true);
    expect(isPermitted([], permission)).toBe(false);
  }
  expect(AdministratorRole.options.filter((role) => isPermitted([role], 'administrators:write'))).toEqual(['owner']);
});

test('an owner has every permission', () => {
  for (const [permission, roles] of Object.entries(PERMISSIONS)) expect(roles, permission).toContain('owner');
});

/** What is written, and who does: the change names its document. */
const refusal = (writer: Writer, versions: { before?: Document; after?: Document }) => {
  const { kind, name } = [versions.after, versions.before].find((version) => version !== undefined) ?? okta();
  return refusalOf(writer, { kind, name, ...versions }, stored);
};

describe('a policy author cannot redirect a credential (S29)', () => {
  it.each([
    ['the URL of a server', { before: server('https://notes.example/mcp'), after: server('https://evil.example/mcp') }],
    ['a new server', { after: server('https://evil.example/mcp') }],
    ['the end of a server', { before: server('https://notes.example/mcp') }],
    ['a credential provider', { after: documentOf('CredentialProvider', 'notes', { type: 'none', server: 'notes' }) }],
    ['a trust provider', { before: okta2, after: okta2 }],
    ['a role', { after: others }],
    ['administrators', { after: documentOf('Administrators', 'me', { role: 'owner' }) }],
  ])('by %s', (_what, change) => {
    const refused = refusal({ roles: ['policy-author'], who: bob }, change);
    expect(refused?.roles).toEqual(refused && PERMISSIONS[refused.permission]);
    expect(refused?.roles).not.toContain('policy-author');
    expect(refusal({ roles: ['owner'], who: bob }, change)).toBeUndefined();
  });

  it('and writes policies', () => {
    const policy = documentOf('AccessPolicy', 'in', { hop: 'client-to-gateway' });
    expect(refusal({ roles: ['policy-author'], who: bob }, { after: policy })).toBeUndefined();
    expect(refusal({ roles: ['credential-admin'], who: bob }, { after: policy })?.permission).toBe('policies:write');
  });
});

describe('nobody but an owner writes what gives a role to themselves (S29)', () => {
  it.each<[string, { before?: Document; after?: Document }, boolean]>([
    ['their own role', { before: staff, after: others }, true],
    ['a role they would give themselves', { after: staff }, true],
    ['the end of their own role', { before: staff }, true],
    ['a role of others', { after: others }, false],
    ['where administrators sign in', { before: okta(), after: okta({ issuer: 'https://evil.example' }) }, true],
    ['where others sign in', { before: okta2 }, false],
    ['a pipeline that administers', { after: machine('deploy', withKey({})) }, true],
    ['a pipeline that does not', { after: machine('nightly', withKey({})) }, false],
    ['who vouches for a pipeline that administers', { after: github('ci') }, true],
    ['who vouches for other pipelines', { after: github('other') }, false],
  ])('%s', (_what, change, isRefused) => {
    expect(refusal({ roles: ['credential-admin'], who: bob }, change)?.roles).toEqual(
      isRefused ? ['owner'] : undefined,
    );
    expect(refusal({ roles: ['owner'], who: bob }, change)).toBeUndefined();
    expect(refusal({ roles: ['owner'] }, change)).toBeUndefined();
  });
});
