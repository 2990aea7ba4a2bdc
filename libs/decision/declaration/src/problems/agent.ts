import { problemsOfWorkload } from '@sallyport/authorization';
import { isOwnClient } from '@sallyport/authorization/own-clients';
import type { DocumentOf } from '@sallyport/configuration';
import { missingReference, missingReferences, problemAt, problemIf, problemOfName } from './check.js';
import type { DocumentSet, Problem } from './check.js';

type Spec = DocumentOf<'Agent'>['spec'];

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

export function agentProblems({ name, spec }: DocumentOf<'Agent'>, set: DocumentSet): readonly Problem[] {
  return [
    ...(isOwnClient(name) ? [problemOfName('is the name of a client of our own: choose another')] : []),
    ...machineProblems(spec),
    ...missingReference(set, 'McpServer', spec.introspects, ['introspects']),
    ...introspectionProblems(spec),
    ...noWayToSignIn(spec, set),
    ...missingReferences(set, 'Role', spec.machine?.roles, ['machine', 'roles']),
    ...workloadProblems(spec, set),
    ...spec.redirectUris.flatMap(redirectUriProblems),
  ];
}

/** A machine agent acts for no user. */
function machineProblems({ machine, redirectUris, authentication }: Spec): readonly Problem[] {
  if (!machine) return [];
  return [
    ...problemIf(
      redirectUris.length > 0,
      ['redirectUris'],
      'has no place beside `machine`: where no human is, nobody is redirected',
    ),
    ...problemIf(
      authentication.method === 'none',
      ['authentication'],
      'is needed for a machine: give it a workload identity, a key or a secret',
    ),
  ];
}

/** A server that introspects tokens (RFC 7662) is given none. */
function introspectionProblems({ introspects, machine, redirectUris, authentication }: Spec): readonly Problem[] {
  if (introspects === undefined) return [];
  return [
    ...problemIf(
      machine !== undefined || redirectUris.length > 0,
      ['introspects'],
      'has no place beside `machine` or `redirectUris`: a server asks about tokens, it is given none',
    ),
    ...problemIf(
      authentication.method === 'none',
      ['authentication'],
      'is needed for a server that asks about tokens: give it a workload identity, a key or a secret',
    ),
  ];
}

/** An agent with a user gets its tokens by a redirect or, if it authenticates itself, by an identity assertion. */
function noWayToSignIn(
  { machine, introspects, redirectUris, authentication }: Spec,
  { documents }: DocumentSet,
): readonly Problem[] {
  const takesAssertions = documents.some(
    (document) => document.kind === 'TrustProvider' && document.spec.identityAssertions !== undefined,
  );
  return problemIf(
    !machine &&
      introspects === undefined &&
      redirectUris.length === 0 &&
      !(authentication.method !== 'none' && takesAssertions),
    ['redirectUris'],
    'is required: add one, or `machine` for an agent without a human',
  );
}

function workloadProblems({ machine, introspects, authentication }: Spec, set: DocumentSet): readonly Problem[] {
  if (authentication.method !== 'workload') return [];
  const issuer = set.find('WorkloadIssuer', authentication.issuer);
  return [
    ...problemIf(
      !machine && introspects === undefined,
      ['authentication', 'method'],
      'can be `workload` for a machine only: add `machine`',
    ),
    ...missingReference(set, 'WorkloadIssuer', authentication.issuer, ['authentication', 'issuer']),
    ...(issuer ? problemsOfWorkload(issuer.spec, authentication) : []).map(({ field, message }) =>
      problemAt(['authentication', field], message),
    ),
  ];
}

function redirectUriProblems(uri: string, position: number): readonly Problem[] {
  const path = ['redirectUris', position];
  if (!URL.canParse(uri) || uri.includes('#')) return [problemAt(path, 'must be an absolute URI without a fragment')];
  return problemIf(
    uri.startsWith('http:') && !LOOPBACK.has(new URL(uri).hostname),
    path,
    'is plain http, which is for loopback addresses only: use https',
  );
}
