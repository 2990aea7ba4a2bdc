import { isPersonal } from '@sallyport/configuration';
import type {
  AccessPolicySpec,
  ApprovedTool,
  ConfigurationSnapshot,
  DocumentMap,
  RecordLevel,
} from '@sallyport/configuration';
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

/** Of whom a policy speaks. */
interface Parties {
  readonly name: string;
  readonly users: AccessPolicySpec['users'];
  readonly agents: AccessPolicySpec['agents'];
}
interface CompiledPolicy extends Parties {
  readonly conditions: Conditions;
  readonly record: RecordLevel | undefined;
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
 * A policy of which its parties are known: the rest is compiled for the first caller it applies to, once. Of many
 * policies few apply to anybody who calls.
 */
export type Uncompiled<Policy, Known extends keyof Policy = never> = Pick<Policy, keyof Parties & keyof Policy> &
  Pick<Policy, Known> & {
    /** `undefined`: a part of it does not compile, and it permits nothing. */
    compiled(): Policy | undefined;
  };

/**
 * The policies of one set of documents, each by name. What is remembered per caller hangs on this object's identity.
 */
export interface PolicySet {
  readonly clientToGateway: readonly Uncompiled<ClientToGatewayPolicy, 'trustProviders'>[];
  readonly gatewayToServer: readonly Uncompiled<GatewayToServerPolicy, 'server' | 'perUser'>[];
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
 * The snapshot's policies, ready to decide. Cheap when the documents did not change (a revocation, a heartbeat); else
 * each policy is compiled when it first applies to somebody. Never throws: a policy with a part that does not compile,
 * whose server is not there, or whose credential provider is not one for that server, permits nothing (fail closed);
 * `problemsOfPolicy` says why before it is written.
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
  const clientToGateway: PolicySet['clientToGateway'][number][] = [];
  const gatewayToServer: PolicySet['gatewayToServer'][number][] = [];
  for (const { name, spec } of snapshot.all('AccessPolicy')) {
    const parties = { name, users: spec.users, agents: spec.agents };
    if (spec.hop === 'client-to-gateway') {
      const { trustProviders } = spec;
      const compiled = once(() => compilePolicy(spec, { ...parties, trustProviders }));
      clientToGateway.push({ ...parties, trustProviders, compiled });
    } else if (grantsCredential(snapshot, spec)) {
      const { server, credentialProvider } = spec;
      const perUser = isPersonalProvider(snapshot, credentialProvider);
      const rules = () => ({
        tools: compileRules(spec.tools),
        resources: compileResourceRules(spec.resources),
        prompts: compileRules(spec.prompts),
      });
      const compiled = once(() => {
        const policy = compilePolicy(spec, { ...parties, server, credentialProvider, perUser });
        return policy && { ...policy, ...rules() };
      });
      gatewayToServer.push({ ...parties, server, perUser, compiled });
    }
  }
  const scopes = new Map(snapshot.all('Role').map((role) => [role.name, scopesForRoles(snapshot, [role.name])]));
  const none: ReadonlySet<string> = new Set();
  const approvedTools = new Map(
    snapshot.all('ApprovedTools').map(({ name, spec }) => [name, Map.groupBy(spec.tools, (tool) => tool.name)]),
  );
  return { clientToGateway, gatewayToServer, approvedTools, entitledScopes: (role) => scopes.get(role) ?? none };
}

/** @returns `undefined` when a condition or a pattern does not compile */
function compilePolicy<Known extends Parties>(
  spec: AccessPolicySpec,
  known: Known,
): (Known & CompiledPolicy) | undefined {
  const conditions = compileConditions(spec);
  return 'invalid' in conditions || problemsOfPatterns(spec).length > 0
    ? undefined
    : { ...known, conditions, record: spec.record };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
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
