import { createSnapshot, Document, documentMap, RevocationIndex } from '@sallyport/configuration';
import { expect, it } from 'vitest';
import { administratorRolesOf, hasAdministrators, type Administering } from './index.js';

const administrators = (name: string, role: string, who: object) =>
  Document.parse({ kind: 'Administrators', name, spec: { role, ...who } });
const snapshotOf = (documents: Document[]) =>
  createSnapshot({
    epoch: 'e1',
    revision: 1,
    documents: documentMap(documents),
    revocations: new RevocationIndex(() => 0),
  });
const snapshot = snapshotOf([
  administrators('looking', 'viewer', { members: [{ trustProvider: 'okta', groups: ['staff', 'security'] }] }),
  administrators('owners', 'owner', { members: [{ trustProvider: 'okta', subjects: ['00u1'] }] }),
  administrators('pipeline', 'policy-author', { agents: ['deploy'] }),
  administrators('claimed', 'auditor', { members: [{ trustProvider: 'okta', providerRoles: ['auditors'] }] }),
  Document.parse({
    kind: 'Role',
    name: 'owner',
    spec: { scopes: ['notes.read'], members: [{ trustProvider: 'okta' }] },
  }),
]);
const user = (said: object): Administering => ({
  type: 'user',
  membership: { trustProvider: 'okta', groups: [], providerRoles: [], subject: '00u9', ...said },
});

it.each<[string, Administering, string[]]>([
  ['a member by subject and by group', user({ subject: '00u1', groups: ['staff'] }), ['owner', 'viewer']],
  ['a member by a role the provider claims', user({ providerRoles: ['auditors'] }), ['auditor']],
  ['the same group at another provider', user({ trustProvider: 'entra', groups: ['staff'] }), []],
  ['a group that is called like a subject', user({ groups: ['00u1', 'auditors'] }), []],
  ['everybody else of the provider, whatever gateway roles they have', user({}), []],
  ['a machine agent', { type: 'agent', clientId: 'deploy' }, ['policy-author']],
  ['another machine agent', { type: 'agent', clientId: 'deploy-2' }, []],
  ['a user whose subject is the name of a pipeline', user({ subject: 'deploy' }), []],
])('%s administers as the documents say, and in no other way (S29)', (_who, who, expected) => {
  expect(administratorRolesOf(snapshot, who)).toEqual(expected);
});

it('says when nobody administers by a sign-in', () => {
  expect(hasAdministrators(snapshot)).toBe(true);
  expect(hasAdministrators(snapshotOf([administrators('nobody', 'owner', {})]))).toBe(false);
});

it.each([[{ trustProvider: 'okta' }], [{ trustProvider: 'okta', groups: [], subjects: [] }]])(
  'a whole identity provider administers nothing: %j is refused (S29)',
  (member) => {
    const parsed = Document.safeParse({
      kind: 'Administrators',
      name: 'all',
      spec: { role: 'viewer', members: [member] },
    });
    expect(parsed.error?.issues).toMatchObject([{ path: ['spec', 'members', 0] }]);
  },
);
