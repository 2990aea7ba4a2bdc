import { Document, type DocumentOf } from '@sallyport/configuration';
import { expect, it } from 'vitest';
import { administratorsProblems } from './administrators.js';
import { documentSetOf } from './check.js';

const parsed = (document: object) => Document.parse(document);
const others = [
  parsed({ kind: 'TrustProvider', name: 'okta', spec: { issuer: 'https://okta.example', clientId: 'c' } }),
  parsed({ kind: 'Agent', name: 'ide', spec: { displayName: 'IDE', redirectUris: ['https://ide.example/cb'] } }),
  parsed({
    kind: 'Agent',
    name: 'deploy',
    spec: {
      displayName: 'Deploy',
      machine: {},
      authentication: { method: 'client_secret', clientSecret: { env: 'SECRET' } },
    },
  }),
];
const problemsOf = (spec: object) => {
  const document = parsed({ kind: 'Administrators', name: 'owners', spec: { role: 'owner', ...spec } });
  return administratorsProblems(document as DocumentOf<'Administrators'>, documentSetOf([...others, document])).map(
    ({ path, message }) => `${path.join('.')} ${message}`,
  );
};

it('administrators are members of a trust provider there is, and machine agents (S29)', () => {
  expect(problemsOf({ members: [{ trustProvider: 'okta', groups: ['owners'] }], agents: ['deploy'] })).toEqual([]);
  expect(problemsOf({ members: [{ trustProvider: 'entra', groups: ['owners'] }], agents: ['ide', 'none'] })).toEqual([
    'spec.members.0.trustProvider names the TrustProvider "entra", which does not exist: use one of okta, or add it',
    'spec.agents.0 names the Agent "ide", which is no machine: add `machine`',
    'spec.agents.1 names the Agent "none", which does not exist: use one of ide, deploy, or add it',
  ]);
});
