import { createSnapshot, Document, documentMap, RevocationIndex } from '@sallyport/configuration';
import { describe, expect, it } from 'vitest';
import { rolesFor, scopesForRoles } from './roles.js';

const role = (name: string, scopes: string[], members: object[]) =>
  Document.parse({ kind: 'Role', name, spec: { scopes, members } });
const snapshot = createSnapshot({
  epoch: 'e1',
  revision: 1,
  documents: documentMap([
    role('developer', ['notes.read', 'notes.write'], [{ trustProvider: 'okta', groups: ['engineering'] }]),
    role(
      'admin',
      ['notes.read', 'notes.admin'],
      [
        { trustProvider: 'okta', subjects: ['00u1'] },
        { trustProvider: 'entra', groups: ['admins'] },
      ],
    ),
    role('employee', ['whoami.read'], [{ trustProvider: 'okta' }]),
    role('operator', ['notes.admin'], [{ trustProvider: 'keycloak', providerRoles: ['mcp-operator'] }]),
    role('unbound', ['notes.read'], []),
  ]),
  revocations: new RevocationIndex(() => 0),
});

describe('roles', () => {
  it.each<[string[], { trustProvider: string; groups: string[]; providerRoles?: string[]; subject: string }]>([
    [['developer', 'employee'], { trustProvider: 'okta', groups: ['engineering'], subject: '00u2' }],
    [['admin', 'employee'], { trustProvider: 'okta', groups: [], subject: '00u1' }],
    [['admin'], { trustProvider: 'entra', groups: ['admins'], subject: 'x' }],
    [['employee'], { trustProvider: 'okta', groups: ['admins'], subject: '00u3' }],
    [[], { trustProvider: 'entra', groups: ['engineering'], subject: '00u1' }],
    [
      ['operator'],
      { trustProvider: 'keycloak', groups: [], providerRoles: ['mcp-operator', 'offline_access'], subject: 'k1' },
    ],
    [[], { trustProvider: 'keycloak', groups: ['mcp-operator'], subject: 'mcp-operator' }],
    [
      ['employee'],
      { trustProvider: 'okta', groups: [], providerRoles: ['mcp-operator', 'engineering'], subject: 'k1' },
    ],
    [[], { trustProvider: 'other', groups: ['engineering', 'admins'], subject: '00u1' }],
  ])(
    'are %j for %j: a group or a claimed role counts only as what it is and at the provider that asserts it (R32) (S1)',
    (expected, membership) => {
      expect(rolesFor(snapshot, { providerRoles: [], ...membership })).toEqual(expected);
    },
  );

  it('entitle to the union of their scopes, an unknown one to none (R32) (R11)', () => {
    expect([...scopesForRoles(snapshot, ['developer', 'admin', 'gone'])].sort()).toEqual([
      'notes.admin',
      'notes.read',
      'notes.write',
    ]);
    expect(scopesForRoles(snapshot, []).size).toBe(0);
  });

  it('cannot carry the scope `*` (R33)', () => {
    expect(Document.safeParse({ kind: 'Role', name: 'all', spec: { scopes: ['*'] } }).success).toBe(false);
  });
});
