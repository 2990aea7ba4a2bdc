import type { Document, DocumentKind, DocumentOf } from '@sallyport/configuration';
import { remarksOnPolicy } from './warnings-of-parties.js';

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
  const agents = new Set(ofKind('Agent').map(({ name }) => name));

  const reached = new Set(serverPolicies.map(({ spec }) => spec.server));
  const unreached = servers.filter(({ name }) => !reached.has(name));
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
    ...policies.flatMap((policy) =>
      remarksOnPolicy(policy, agents).map(([field, message]) => warn(policy, field, message)),
    ),
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

const warn = ({ kind, name }: Pick<Document, 'kind' | 'name'>, field: string, message: string): DocumentWarning => ({
  document: { kind, name },
  field,
  message,
});
