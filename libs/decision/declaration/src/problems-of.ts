import { problemOfRedirectEntry } from '@sallyport/authorization';
import type { Document, DocumentKind, DocumentOf } from '@sallyport/configuration';
import { accessPolicyProblems } from './problems/access-policy.js';
import { administratorsProblems } from './problems/administrators.js';
import { agentProblems } from './problems/agent.js';
import { authorizationServerProblems } from './problems/authorization-server.js';
import { documentSetOf, missingReference, problemAt, problemIf, problemOfName } from './problems/check.js';
import type { Check, DocumentSet, Problem } from './problems/check.js';
import { credentialProviderProblems } from './problems/credential-provider.js';
import { trustProviderProblems } from './problems/trust-provider.js';
import { workloadIssuerProblems } from './problems/workload-issuer.js';

export interface DocumentProblem extends Problem {
  readonly document: Document;
}

/** What is checked in a document of each kind, beside its schema. */
const CHECKS: { readonly [K in DocumentKind]: Check<K> } = {
  TrustProvider: trustProviderProblems,
  Role: roleProblems,
  Administrators: administratorsProblems,
  McpServer: none,
  ApprovedTools: approvedToolsProblems,
  CredentialProvider: credentialProviderProblems,
  AccessPolicy: accessPolicyProblems,
  Agent: agentProblems,
  WorkloadIssuer: workloadIssuerProblems,
  ClientRegistration: clientRegistrationProblems,
  AuthorizationServer: authorizationServerProblems,
  Gateway: gatewayProblems,
  OutboundNetwork: none,
  Webhook: none,
  LogStream: logStreamProblems,
};

/**
 * Lists what is wrong with a set of documents that are each valid in themselves: names that are taken twice, references
 * to what is not there, a gateway-to-server policy without a credential provider made for its server (R27), conditions
 * that do not compile. The same check stands before every write, whoever writes.
 */
export function problemsOf(documents: readonly Document[]): DocumentProblem[] {
  const set = documentSetOf(documents);
  return [...takenNames(set), ...documents.flatMap((document) => problemsOfDocument(document, set))];
}

function problemsOfDocument(document: Document, set: DocumentSet): readonly DocumentProblem[] {
  const check = CHECKS[document.kind] as Check<DocumentKind>;
  return check(document, set).map((problem) => ({ document, ...problem }));
}

function takenNames({ documents, find }: DocumentSet): readonly DocumentProblem[] {
  return documents
    .filter((document) => find(document.kind, document.name) !== document)
    .map((document) => ({
      document,
      ...problemOfName(`is taken by another ${document.kind}: choose another name or remove one of the two`),
    }));
}

function none(): readonly Problem[] {
  return [];
}

function roleProblems({ spec }: DocumentOf<'Role'>, set: DocumentSet): readonly Problem[] {
  return spec.members.flatMap(({ trustProvider, groups, providerRoles, subjects }, position) => {
    const lists = Object.entries({ groups, providerRoles, subjects }).filter(([, list]) => list !== undefined);
    return [
      ...missingReference(set, 'TrustProvider', trustProvider, ['members', position, 'trustProvider']),
      ...problemIf(
        lists.length > 0 && lists.every(([, list]) => list?.length === 0),
        ['members', position, lists[0]?.[0] ?? 'groups'],
        'is empty, which matches nobody: add somebody, or leave the field out for everybody of the provider',
      ),
    ];
  });
}

function approvedToolsProblems({ name }: DocumentOf<'ApprovedTools'>, { find }: DocumentSet): readonly Problem[] {
  return find('McpServer', name)
    ? []
    : [problemOfName('is the name of no McpServer: it says whose tools are approved')];
}

function clientRegistrationProblems({ spec }: DocumentOf<'ClientRegistration'>): readonly Problem[] {
  return spec.dynamic.redirectHosts.flatMap((entry, position) => {
    const problem = problemOfRedirectEntry(entry);
    return problem === undefined
      ? []
      : [problemAt(['dynamic', 'redirectHosts', position], `lets nothing register: ${problem}`)];
  });
}

function gatewayProblems({ spec }: DocumentOf<'Gateway'>, { namesOf }: DocumentSet): readonly Problem[] {
  return problemIf(
    spec.toolPrefix === 'never' && namesOf('McpServer').length > 1,
    ['toolPrefix'],
    'can be `never` with a single McpServer only: tools of two servers could have one name',
  );
}

function logStreamProblems({ name }: DocumentOf<'LogStream'>, { find }: DocumentSet): readonly Problem[] {
  return find('Webhook', name)
    ? [problemOfName('is taken by a Webhook, which is a log stream, too: choose another name, or remove the Webhook')]
    : [];
}
