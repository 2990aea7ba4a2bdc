import type { AccessPolicySpec, DocumentOf } from '@sallyport/configuration';
import { problemsOfPolicy } from '@sallyport/policy';
import { lintExpression } from '@sallyport/policy/condition';
import { remembered } from '../remembered.js';
import { missingReference, missingReferences, problemAt, problemIf } from './check.js';
import type { DocumentSet, Problem } from './check.js';

type ServerPolicySpec = Extract<AccessPolicySpec, { hop: 'gateway-to-server' }>;

export function accessPolicyProblems({ spec }: DocumentOf<'AccessPolicy'>, set: DocumentSet): readonly Problem[] {
  return [
    ...missingReference(set, 'TrustProvider', spec.users?.trustProvider, ['users', 'trustProvider']),
    ...missingReferences(set, 'Role', spec.users?.roles, ['users', 'roles']),
    ...(spec.hop === 'client-to-gateway'
      ? missingReferences(set, 'TrustProvider', spec.trustProviders, ['trustProviders'])
      : serverPolicyProblems(spec, set)),
    ...problemsInItself(spec),
  ];
}

/** What no other document changes, and takes the longest: expressions are compiled. */
const problemsInItself = remembered((spec: AccessPolicySpec): readonly Problem[] => [
  ...problemsOfPolicy(spec).map(({ path, message }) => problemAt(path, message)),
  ...(spec.when === undefined ? [] : lintExpression(spec.when).errors.map((message) => problemAt(['when'], message))),
  ...emptyListsOf(spec),
]);

/** Lists that let nobody through because they are empty; beside another list that is not, one is merely of no use. */
function emptyListsOf({ users, agents }: AccessPolicySpec): readonly Problem[] {
  const empty = (list: readonly string[] | undefined) => list?.length === 0;
  const message = 'is empty, which matches nobody: add somebody, or leave the field out for everybody';
  return [
    ...problemIf(empty(users?.groups) && !users?.subjects?.length, ['users', 'groups'], message),
    ...problemIf(empty(users?.subjects) && !users?.groups?.length, ['users', 'subjects'], message),
    ...problemIf(empty(users?.roles), ['users', 'roles'], message),
    ...problemIf(empty(agents?.clientIds) && !agents?.hosts?.length, ['agents', 'clientIds'], message),
    ...problemIf(empty(agents?.hosts) && !agents?.clientIds?.length, ['agents', 'hosts'], message),
  ];
}

function serverPolicyProblems(spec: ServerPolicySpec, set: DocumentSet): readonly Problem[] {
  return [
    ...missingReference(set, 'McpServer', spec.server, ['server']),
    ...providerOfAnotherServer(spec, set),
    ...missingReference(set, 'CredentialProvider', spec.credentialProvider, ['credentialProvider']),
    ...(['tools', 'resources', 'prompts'] as const).flatMap((list) =>
      spec[list].flatMap((rule, position) => [
        ...missingReferences(set, 'Role', rule.roles, [list, position, 'roles']),
        ...problemIf(
          rule.roles?.length === 0,
          [list, position, 'roles'],
          'is empty, so nobody can use what it matches: name a role, or leave the field out',
        ),
      ]),
    ),
  ];
}

/** R27: the credential provider of a policy is made for the policy's server. */
function providerOfAnotherServer(
  { server, credentialProvider }: ServerPolicySpec,
  { find }: DocumentSet,
): readonly Problem[] {
  const provider = find('CredentialProvider', credentialProvider);
  if (!provider || provider.spec.server === server || !find('McpServer', server)) return [];
  return [
    problemAt(
      ['credentialProvider'],
      `names "${provider.name}", which yields credentials for the server "${provider.spec.server}": use one ` +
        `for "${server}"`,
    ),
  ];
}
