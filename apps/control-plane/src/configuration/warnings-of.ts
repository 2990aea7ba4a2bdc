import type { Document, DocumentKind, DocumentOf } from '@sallyport/configuration';
import { hasCode } from '@sallyport/kernel';
import { allowEntryFor } from '@sallyport/safe-fetch';

/** What is valid, and will not do what whoever wrote it expects. */
export interface DocumentWarning {
  readonly document: Pick<Document, 'kind' | 'name'>;
  /** Into the whole document: `spec.tools.0.scope`. */
  readonly field: string;
  /** What happens, and what to write. */
  readonly message: string;
}

type ServerPolicy = DocumentOf<'AccessPolicy'> & { readonly spec: { readonly hop: 'gateway-to-server' } };
const LISTS = ['tools', 'resources', 'prompts'] as const;

/**
 * Finds documents without effect: servers and rules that nobody can use, because no policy, role or scope leads there.
 * Who asks for such a tool is told no more than that it is unknown (S15): this is where it can be said.
 */
export function warningsOf(documents: readonly Document[]): DocumentWarning[] {
  const ofKind = <K extends DocumentKind>(kind: K) =>
    documents.filter((document): document is DocumentOf<K> => document.kind === kind);
  const policies = ofKind('AccessPolicy');
  const serverPolicies = policies.filter((policy): policy is ServerPolicy => policy.spec.hop === 'gateway-to-server');
  const reach = reachOf(ofKind('Role'), ofKind('Agent'));
  const servers = ofKind('McpServer');

  const unreached = servers.filter(({ name }) => !serverPolicies.some(({ spec }) => spec.server === name));
  return [
    ...(servers.length > 0 && serverPolicies.length === policies.length
      ? servers
          .slice(0, 1)
          .map((document) =>
            warn(
              document,
              'kind',
              'No AccessPolicy has `hop: client-to-gateway`: nobody gets in, through no agent. Add one that says ' +
                'who may.',
            ),
          )
      : []),
    ...unreached.map((document) =>
      warn(
        document,
        'name',
        `No AccessPolicy names the server "${document.name}": nobody reaches it. ` +
          `Add one with \`hop: gateway-to-server\` and \`server: ${document.name}\`.`,
      ),
    ),
    ...serverPolicies.flatMap((policy) => warningsOfPolicy(policy, reach)),
  ];
}

/** Whom roles lead to. */
interface Reach {
  readonly scopes: ReadonlySet<string>;
  /** Of roles that somebody can have. */
  readonly heldScopes: ReadonlySet<string>;
  readonly heldRoles: ReadonlySet<string>;
}

function reachOf(roles: readonly DocumentOf<'Role'>[], agents: readonly DocumentOf<'Agent'>[]): Reach {
  const ofMachines = new Set(agents.flatMap(({ spec }) => spec.machine?.roles ?? []));
  const held = roles.filter(({ name, spec }) => spec.members.length > 0 || ofMachines.has(name));
  return {
    scopes: new Set(roles.flatMap(({ spec }) => spec.scopes)),
    heldScopes: new Set(held.flatMap(({ spec }) => spec.scopes)),
    heldRoles: new Set(held.map(({ name }) => name)),
  };
}

function warningsOfPolicy(policy: ServerPolicy, { scopes, heldScopes, heldRoles }: Reach): DocumentWarning[] {
  const { spec } = policy;
  const warnings: DocumentWarning[] = [];
  const nobodyHas = (roles: readonly string[]) =>
    `names no role that anybody has: ${roles.join(', ')} ${roles.length === 1 ? 'has' : 'have'} no \`members\`. Add ` +
    `some.`;
  const isUnheld = (roles: readonly string[] | undefined): roles is readonly string[] =>
    roles !== undefined && !roles.some((role) => heldRoles.has(role));

  if (LISTS.every((list) => spec[list].length === 0)) {
    warnings.push(
      warn(
        policy,
        'spec',
        `It has no rules: nothing of the server "${spec.server}" can be used by it. ` +
          'Add rules to `tools`, `resources` or `prompts`, such as `tools: [{ match: ["*"] }]`.',
      ),
    );
  }
  if (isUnheld(spec.users?.roles)) warnings.push(warn(policy, 'spec.users.roles', `It ${nobodyHas(spec.users.roles)}`));
  for (const list of LISTS) {
    for (const [position, { match, scope, roles }] of spec[list].entries()) {
      const what = `What it matches (${match.join(', ')}) can be used by nobody`;
      if (isUnheld(roles))
        warnings.push(warn(policy, `spec.${list}.${position}.roles`, `${what}: it ${nobodyHas(roles)}`));
      if (scope === undefined || heldScopes.has(scope)) continue;
      const why = scopes.has(scope)
        ? `the roles that give the scope \`${scope}\` have no \`members\`. Add some.`
        : `no role gives the scope \`${scope}\`. Add it to the \`scopes\` of a Role.`;
      warnings.push(warn(policy, `spec.${list}.${position}.scope`, `${what}: ${why}`));
    }
  }
  return warnings;
}

/**
 * Addresses in documents that will not be called, because they are private or not https and nobody allowed them.
 * One after the other: looking up names is slow where there is no network.
 * @param refuse rejects with `outbound_refused` for what may not be called
 */
export async function warningsOfAddresses(
  documents: readonly Document[],
  refuse: (url: string) => Promise<void>,
): Promise<DocumentWarning[]> {
  const hasList = documents.some(({ kind }) => kind === 'OutboundNetwork');
  const warnings: DocumentWarning[] = [];
  for (const document of documents) {
    for (const [field, address] of calledAddressesOf(document)) {
      try {
        await refuse(address);
      } catch (error) {
        if (!hasCode(error, 'outbound_refused')) throw error;
        warnings.push(warn(document, field, `${error.message} ${remedyFor(new URL(address), hasList)}`));
      }
    }
  }
  return warnings;
}

function remedyFor(url: URL, hasList: boolean): string {
  const entry = allowEntryFor(url);
  return hasList
    ? `If that address is yours, add this line to \`allow\` in the OutboundNetwork document: - ${entry}`
    : `If that address is yours, add this document: { kind: OutboundNetwork, name: default, spec: { allow: ` +
        `[${entry}] } }`;
}

/** What of a document we call ourselves; not where browsers are sent, nor what is only a name. */
function calledAddressesOf(document: Document): (readonly [field: string, address: string])[] {
  const { kind, spec } = document;
  switch (kind) {
    case 'McpServer':
    case 'Webhook':
      return [['spec.url', spec.url]];
    case 'TrustProvider':
      return [['spec.issuer', spec.issuer]];
    case 'WorkloadIssuer':
      if (spec.keys !== undefined) return [];
      return spec.jwksUri !== undefined
        ? [['spec.jwksUri', spec.jwksUri]]
        : 'issuer' in spec
          ? [['spec.issuer', spec.issuer]]
          : [];
    case 'Agent':
      return present(spec.authentication, ['jwksUri'], 'spec.authentication');
    case 'CredentialProvider':
      return calledAddressesOfProvider(spec);
    default:
      return [];
  }
}

function calledAddressesOfProvider(spec: DocumentOf<'CredentialProvider'>['spec']): (readonly [string, string])[] {
  switch (spec.type) {
    case 'mcp-user-oauth':
      return [
        ...present(spec, ['authorizationServer'], 'spec'),
        ...present(spec.client ?? {}, ['issuer'], 'spec.client'),
      ];
    case 'id-jag':
      return present(spec, ['issuer', 'tokenEndpointOrigin'], 'spec');
    case 'cloud':
      return present(spec.cloud, ['stsEndpoint', 'iamEndpoint'], 'spec.cloud');
    default:
      return present(spec, ['tokenEndpoint', 'refreshEndpoint', 'revocationEndpoint'], 'spec');
  }
}

function present(part: object, fields: readonly string[], within: string): (readonly [string, string])[] {
  return Object.entries(part).flatMap(([field, value]) =>
    fields.includes(field) && typeof value === 'string' ? [[`${within}.${field}`, value] as const] : [],
  );
}

const warn = ({ kind, name }: Pick<Document, 'kind' | 'name'>, field: string, message: string): DocumentWarning => ({
  document: { kind, name },
  field,
  message,
});
