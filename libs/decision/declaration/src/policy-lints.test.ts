import { Document } from '@sallyport/configuration';
import { expect, it, test } from 'vitest';
import { problemsOf } from './problems-of.js';
import { warningsOf } from './warnings-of.js';

const documents = (spec: object, members: object = { trustProvider: 'corp' }, hop: object = {}): Document[] =>
  [
    { kind: 'TrustProvider', name: 'corp', spec: { issuer: 'https://idp.example', clientId: 'sallyport' } },
    { kind: 'Role', name: 'writer', spec: { scopes: ['notes.read'], members: [members] } },
    { kind: 'McpServer', name: 'notes', spec: { url: 'https://notes.example/mcp' } },
    { kind: 'CredentialProvider', name: 'none', spec: { type: 'none', server: 'notes' } },
    { kind: 'AccessPolicy', name: 'in', spec: { hop: 'client-to-gateway', ...hop } },
    {
      kind: 'AccessPolicy',
      name: 'notes',
      spec: {
        hop: 'gateway-to-server',
        server: 'notes',
        credentialProvider: 'none',
        tools: [{ match: ['get_*'] }],
        ...spec,
      },
    },
  ].map((document) => Document.parse(document));
const problems = (...args: Parameters<typeof documents>) =>
  problemsOf(documents(...args)).map(({ document, path }) => `${document.name} ${path.join('.')}`);
const warnings = (...args: Parameters<typeof documents>) =>
  warningsOf(documents(...args)).map(({ document, field }) => `${document.name} ${field}`);

test('a policy that can work is neither refused nor warned of', () => {
  expect([problems({}), warnings({})]).toEqual([[], []]);
});

it.each([
  [{ when: 'false' }, 'notes spec.when'],
  [{ when: 'user.role == "a"' }, 'notes spec.when'],
  [{ when: 'user.groups == "staff"' }, 'notes spec.when'],
  [{ when: 'request.kind == "tools"' }, 'notes spec.when'],
  [{ users: { trustProvider: 'corp', groups: [] } }, 'notes spec.users.groups'],
  [{ users: { trustProvider: 'corp', subjects: [] } }, 'notes spec.users.subjects'],
  [{ users: { roles: [] } }, 'notes spec.users.roles'],
  [{ users: { trustProvider: 'nobody' } }, 'notes spec.users.trustProvider'],
  [{ agents: { clientIds: [] } }, 'notes spec.agents.clientIds'],
  [{ agents: { hosts: [] } }, 'notes spec.agents.hosts'],
  [{ tools: [{ match: ['*'], roles: [] }] }, 'notes spec.tools.0.roles'],
])('%j is refused, since it matches nobody or nothing (B32)', (spec, problem) => {
  expect(problems(spec)).toEqual([problem]);
});

test('an empty list is refused at the first hop and of a role, but not beside one that is not (B32)', () => {
  expect(problems({}, undefined, { when: 'user.role == "a"' })).toEqual(['in spec.when']);
  expect(problems({}, { trustProvider: 'corp', groups: [] })).toEqual(['writer spec.members.0.groups']);
  expect(problems({}, { trustProvider: 'corp', groups: [], subjects: ['alice'] })).toEqual([]);
  expect(problems({ users: { trustProvider: 'corp', groups: [], subjects: ['alice'] } })).toEqual([]);
  expect(problems({ agents: { clientIds: [], hosts: ['agent.example'] } })).toEqual([]);
});

it.each([
  [{ tools: [{ match: ['get_*', 'notes__add_note'] }] }, 'notes spec.tools.0.match.1'],
  [{ prompts: [{ match: ['notes__ask'] }] }, 'notes spec.prompts.0.match.0'],
  [{ tools: [{ match: ['*'], scope: 'nobody' }] }, 'notes spec.tools.0.scope'],
  [{ tools: [] }, 'notes spec'],
  [{ agents: { clientIds: ['nightly'] } }, 'notes spec.agents.clientIds.0'],
  [{ agents: { hosts: ['https://agent.example'] } }, 'notes spec.agents.hosts.0'],
  [{ when: '1 == 1' }, 'notes spec.when'],
  [{ when: 'tool.approved', resources: [{ match: ['note://**'] }] }, 'notes spec.when'],
  [{ when: 'tool.approved', prompts: [{ match: ['ask'] }] }, 'notes spec.when'],
])('%j is warned of (B32)', (spec, warning) => {
  expect([problems(spec), warnings(spec)]).toEqual([[], [warning]]);
});

it.each([
  { agents: { clientIds: ['https://agent.example/client.json'], hosts: ['*.agent.example', 'localhost:8443'] } },
  { when: 'tool.approved' },
  { when: 'request.kind != "tool" || tool.approved', resources: [{ match: ['note://**'] }] },
  { tools: [{ match: ['notes_*'] }] },
])('%j is not', (spec) => {
  expect([problems(spec), warnings(spec)]).toEqual([[], []]);
});
