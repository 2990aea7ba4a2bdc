import type { AccessPolicySpec, DocumentOf } from '@sallyport/configuration';
import { problemsOfPolicy } from '@sallyport/policy';
import { missingReference, missingReferences, problemAt } from './check.js';
import type { DocumentSet, Problem } from './check.js';

type ServerPolicySpec = Extract<AccessPolicySpec, { hop: 'gateway-to-server' }>;

export function accessPolicyProblems({ spec }: DocumentOf<'AccessPolicy'>, set: DocumentSet): readonly Problem[] {
  return [
    ...missingReference(set, 'TrustProvider', spec.users?.trustProvider, ['users', 'trustProvider']),
    ...missingReferences(set, 'Role', spec.users?.roles, ['users', 'roles']),
    ...(spec.hop === 'client-to-gateway'
      ? missingReferences(set, 'TrustProvider', spec.trustProviders, ['trustProviders'])
      : serverPolicyProblems(spec, set)),
    ...problemsOfPolicy(spec).map(({ path, message }) => problemAt(path, message)),
  ];
}

function serverPolicyProblems(spec: ServerPolicySpec, set: DocumentSet): readonly Problem[] {
  return [
    ...missingReference(set, 'McpServer', spec.server, ['server']),
    ...providerOfAnotherServer(spec, set),
    ...missingReference(set, 'CredentialProvider', spec.credentialProvider, ['credentialProvider']),
    ...(['tools', 'resources', 'prompts'] as const).flatMap((list) =>
      spec[list].flatMap((rule, position) => missingReferences(set, 'Role', rule.roles, [list, position, 'roles'])),
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
