import { isPersonal } from '@sallyport/configuration';
import type { AccessPolicySpec, ApprovedTool, ConfigurationSnapshot, DocumentMap } from '@sallyport/configuration';
import { compileConditions, problemsOfPatterns } from './compile-conditions.js';
import type { Conditions } from './compile-conditions.js';
import { compileGlob } from './condition/glob.js';
import type { Glob } from './condition/glob.js';
import { lenientPattern } from './resource-uri.js';
import type { LenientReading } from './resource-uri.js';
import { scopesForRoles } from './roles.js';

type ServerPolicySpec = Extract<AccessPolicySpec, { hop: 'gateway-to-server' }>;
type GatewayPolicySpec = Extract<AccessPolicySpec, { hop: 'client-to-gateway' }>;

export interface Rule {
  readonly matches: readonly Glob[];
  /** The same on what a server may read that is less exact (`lenientReading`): of rules for resources. */
  readonly matchesLeniently: readonly ((reading: LenientReading) => boolean)[];
  readonly patterns: readonly string[];
  readonly scope: string | undefined;
  readonly roles: readonly string[] | undefined;
  readonly takesUnapproved: boolean;
}

interface CompiledPolicy {
  readonly name: string;
  readonly users: AccessPolicySpec['users'];
  readonly agents: AccessPolicySpec['agents'];
  readonly conditions: Conditions;
}
export interface ClientToGatewayPolicy extends CompiledPolicy {
  readonly trustProviders: GatewayPolicySpec['trustProviders'];
}
export interface GatewayToServerPolicy extends CompiledPolicy {
  readonly server: string;
  readonly credentialProvider: string;
  /** The credential is a person's own: an agent without a person has none (R5). */
  readonly perUser: boolean;
  readonly tools: readonly Rule[];
  readonly resources: readonly Rule[];
  readonly prompts: readonly Rule[];
}

/**
 * The policies of one set of documents, each by name. What is remembered per caller hangs on this object's identity.
 */
export interface PolicySet {
  readonly clientToGateway: readonly ClientToGatewayPolicy[];
  readonly gatewayToServer: readonly GatewayToServerPolicy[];
  readonly entitledScopes: (role: string) => ReadonlySet<string>;
  /** By server and tool. A server that is not there has none of its tools approved, and none held back. */
  readonly approvedTools: ReadonlyMap<string, ReadonlyMap<string, readonly ApprovedTool[]>>;
}

export interface CompiledPolicies {
  readonly revision: number;
  readonly set: PolicySet;
}

const compiledSets = new WeakMap<DocumentMap, PolicySet>();

/**
 * The snapshot's policies, ready to decide. Cheap when the documents did not change (a revocation, a heartbeat).
 * Never throws: a policy with a part that does not compile, whose server is not there, or whose credential provider is
 * not one for that server, permits nothing (fail closed); `problemsOfPolicy` says why before it is written.
 */
export function compilePolicies(snapshot: ConfigurationSnapshot): CompiledPolicies {
  let set = compiledSets.get(snapshot.documents);
  if (!set) {
    set = compileSet(snapshot);
    compiledSets.set(snapshot.documents, set);
  }
  return { revision: snapshot.revision, set };
}

function compileSet(snapshot: ConfigurationSnapshot): PolicySet {
  const clientToGateway: ClientToGatewayPolicy[] = [];
  const gatewayToServer: GatewayToServerPolicy[] = [];
  for (const { name, spec } of snapshot.all('AccessPolicy')) {
    const conditions = compileConditions(spec);
    if ('invalid' in conditions || problemsOfPatterns(spec).length > 0) continue;
    const common = { name, users: spec.users, agents: spec.agents, conditions };
    if (spec.hop === 'client-to-gateway') clientToGateway.push({ ...common, trustProviders: spec.trustProviders });
    else if (grantsCredential(snapshot, spec)) {
      gatewayToServer.push({
        ...common,
        server: spec.server,
        credentialProvider: spec.credentialProvider,
        perUser: isPersonalProvider(snapshot, spec.credentialProvider),
        tools: compileRules(spec.tools),
        resources: compileResourceRules(spec.resources),
        prompts: compileRules(spec.prompts),
      });
    }
  }
  const scopes = new Map(snapshot.all('Role').map((role) => [role.name, scopesForRoles(snapshot, [role.name])]));
  const none: ReadonlySet<string> = new Set();
  const approvedTools = new Map(
    snapshot.all('ApprovedTools').map(({ name, spec }) => [name, Map.groupBy(spec.tools, (tool) => tool.name)]),
  );
  return { clientToGateway, gatewayToServer, approvedTools, entitledScopes: (role) => scopes.get(role) ?? none };
}

/**
 * R27 again, on the reading side: a policy never reaches a server without the credential provider made for that server.
 */
function grantsCredential(snapshot: ConfigurationSnapshot, spec: ServerPolicySpec): boolean {
  return (
    snapshot.get('McpServer', spec.server) !== undefined &&
    snapshot.get('CredentialProvider', spec.credentialProvider)?.spec.server === spec.server
  );
}

function isPersonalProvider(snapshot: ConfigurationSnapshot, name: string): boolean {
  const provider = snapshot.get('CredentialProvider', name);
  return provider !== undefined && isPersonal(provider.spec);
}

function compileRules(rules: ServerPolicySpec['tools'], separator?: string): Rule[] {
  return rules.map(({ match, scope, roles, unapproved }) => ({
    matches: match.map((pattern) => compileGlob(pattern, separator)),
    matchesLeniently: [],
    patterns: match,
    scope,
    roles,
    takesUnapproved: unapproved === 'allowed',
  }));
}

function compileResourceRules(rules: ServerPolicySpec['resources']): Rule[] {
  return compileRules(rules, '/').map((rule) => ({ ...rule, matchesLeniently: rule.patterns.map(compileLenientGlob) }));
}

function compileLenientGlob(written: string): (reading: LenientReading) => boolean {
  const { pattern, hasQuery } = lenientPattern(written);
  const glob = compileGlob(pattern, '/');
  return hasQuery ? ({ whole }) => glob(whole) : ({ withoutQuery }) => glob(withoutQuery);
}
