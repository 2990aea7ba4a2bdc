import type { AccessPolicySpec } from '@sallyport/configuration';
import { isMachine, type AgentAssurance, type Caller } from './caller.js';
import type { ClientToGatewayPolicy, GatewayToServerPolicy, PolicySet, Rule } from './compile-policies.js';
import { lenientPattern, lenientReading } from './resource-uri.js';

/** What the first hop knows of a caller, at the authorization server before there is a token. A `Caller` is one. */
export type ConnectFacts = Pick<
  Caller,
  | 'userId'
  | 'trustProvider'
  | 'subject'
  | 'clientId'
  | 'agentName'
  | 'agentAssurance'
  | 'isKeyBound'
  | 'roles'
  | 'groups'
  | 'authTime'
  | 'acr'
  | 'amr'
>;

/** How one policy's rules answer for one tool or resource. `scopes`: all that the rules ask for. */
export type RuleAnswer =
  | { matches: false }
  | { matches: true; scopes: readonly string[]; rolesHeld: boolean; takesUnapproved: boolean };

/** The policies whose users and agents include this caller; conditions, expressions and operations are still open. */
export interface Applicable {
  readonly clientToGateway: readonly ClientToGatewayPolicy[];
  readonly byServer: ReadonlyMap<string, readonly GatewayToServerPolicy[]>;
  /** Those of `byServer`, sorted. */
  readonly servers: readonly string[];
  /** What `user` and `agent` are in an expression. */
  readonly variables: { readonly user: Record<string, unknown>; readonly agent: Record<string, unknown> };
  /** Answers per tool and prompt, remembered: names repeat, and come from a server's catalogue. */
  readonly answersByName: Map<string, readonly RuleAnswer[]>;
}

const remembered = new WeakMap<PolicySet, WeakMap<ConnectFacts, Applicable>>();

/**
 * Remembered per policy set and caller object: keep one `Caller` per verified token, and the warm call pays a look-up.
 */
export function applicablePolicies(set: PolicySet, caller: ConnectFacts): Applicable {
  let callers = remembered.get(set);
  if (!callers) remembered.set(set, (callers = new WeakMap()));
  let applicable = callers.get(caller);
  if (!applicable) callers.set(caller, (applicable = findApplicable(set, caller)));
  return applicable;
}

function findApplicable(set: PolicySet, caller: ConnectFacts): Applicable {
  const includes = (policy: { users: AccessPolicySpec['users']; agents: AccessPolicySpec['agents'] }) =>
    includesUser(policy.users, caller) && includesAgent(policy.agents, caller);
  const byServer = new Map<string, GatewayToServerPolicy[]>();
  for (const written of set.gatewayToServer) {
    if (!includes(written) || (written.perUser && isMachine(caller))) continue;
    const policy = written.compiled();
    if (policy === undefined) continue;
    const policies = byServer.get(policy.server);
    if (policies) policies.push(policy);
    else byServer.set(policy.server, [policy]);
  }
  return {
    clientToGateway: set.clientToGateway
      .filter(
        (written) =>
          (written.trustProviders === undefined || written.trustProviders.includes(caller.trustProvider)) &&
          includes(written),
      )
      .flatMap((written) => written.compiled() ?? []),
    byServer,
    servers: [...byServer.keys()].sort(),
    variables: {
      user: {
        id: caller.userId,
        trustProvider: caller.trustProvider,
        subject: caller.subject,
        groups: [...caller.groups],
        roles: [...caller.roles],
        amr: [...caller.amr],
        acr: caller.acr ?? '',
      },
      agent: { clientId: caller.clientId, name: caller.agentName, assurance: caller.agentAssurance },
    },
    answersByName: new Map(),
  };
}

/** Within the provider, being listed by group or by subject is enough; a role is asked for besides. */
function includesUser(users: AccessPolicySpec['users'], caller: ConnectFacts): boolean {
  if (!users) return true;
  if (users.trustProvider !== undefined && users.trustProvider !== caller.trustProvider) return false;
  const listed =
    users.groups?.some((group) => caller.groups.includes(group)) || users.subjects?.includes(caller.subject);
  if ((users.groups !== undefined || users.subjects !== undefined) && !listed) return false;
  return users.roles === undefined || users.roles.some((role) => caller.roles.includes(role));
}

const ASSURANCE: Record<AgentAssurance, number> = { asserted: 0, 'verified-redirect': 1, 'key-authenticated': 2 };

/** Being named by client id or by host is enough; assurance and binding are asked for besides. */
function includesAgent(agents: AccessPolicySpec['agents'], caller: ConnectFacts): boolean {
  // A policy says so when it means agents without a human: what was written with people in mind lets in nobody else.
  const machines = agents?.machines ?? 'never';
  if (isMachine(caller) ? machines === 'never' : machines === 'only') return false;
  if (!agents) return true;
  if (agents.assurance !== undefined && ASSURANCE[caller.agentAssurance] < ASSURANCE[agents.assurance]) return false;
  if (agents.dpopBoundTokens === true && !caller.isKeyBound) return false;
  if (agents.clientIds === undefined && agents.hosts === undefined) return true;
  if (agents.clientIds?.includes(caller.clientId)) return true;
  const host = metadataDocumentHost(caller.clientId);
  return (
    host !== undefined &&
    agents.hosts !== undefined &&
    agents.hosts.some((pattern) => (pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern))
  );
}

/** Only a client ID metadata document has a host: its client id is its https URL (security rule S2). */
function metadataDocumentHost(clientId: string): string | undefined {
  if (!clientId.startsWith('https://') || !URL.canParse(clientId)) return undefined;
  return new URL(clientId).host;
}

/** All rules that match must hold: a narrow rule tightens a broad one, in whatever order they are written. */
export function answerOf(rules: readonly Rule[], text: string, roles: readonly string[]): RuleAnswer {
  return answerOfRules(
    rules.filter((rule) => rule.matches.some((glob) => glob(text))),
    roles,
  );
}

/**
 * The same for a resource. A server may read a URI less exactly than it is written: a rule that matches what such a one
 * reads tightens too, and the rules must cover both.
 */
export function answerOfUri(rules: readonly Rule[], uri: string, roles: readonly string[]): RuleAnswer {
  const reading = lenientReading(uri);
  const exact = rules.filter((rule) => rule.matches.some((glob) => glob(uri)));
  const lenient = rules.filter((rule) => rule.matchesLeniently.some((matches) => matches(reading)));
  if (exact.length === 0 || lenient.length === 0) return { matches: false };
  return answerOfRules([...new Set([...exact, ...lenient])], roles);
}

/**
 * The same for what may come out of a template, whatever its variables are. A rule must cover the template as it is
 * written, and all that could match one of its resources must hold.
 */
export function answerOfTemplate(rules: readonly Rule[], uriTemplate: string, roles: readonly string[]): RuleAnswer {
  const covers = rules.some((rule) => rule.matches.some((glob) => glob(uriTemplate)));
  return covers
    ? answerOfRules(
        rules.filter((rule) => mayMatchTemplate(rule, uriTemplate)),
        roles,
      )
    : { matches: false };
}

/** What stands before a template's first variable agrees with what stands before a pattern's first `*`. */
export function mayMatchTemplate({ patterns }: Rule, uriTemplate: string): boolean {
  const literal = lenientPattern(uriTemplate.split('{', 1)[0] ?? '').pattern;
  return patterns.some((pattern) => {
    const start = lenientPattern(pattern.split('*', 1)[0] ?? '').pattern;
    return literal.startsWith(start) || start.startsWith(literal);
  });
}

/** What rules that match ask for together. */
export function answerOfRules(matching: readonly Rule[], roles: readonly string[]): RuleAnswer {
  if (matching.length === 0) return { matches: false };
  return {
    matches: true,
    scopes: [...new Set(matching.flatMap((rule) => rule.scope ?? []))].sort(),
    takesUnapproved: matching.every((rule) => rule.takesUnapproved),
    rolesHeld: matching.every((rule) => rule.roles === undefined || rule.roles.some((role) => roles.includes(role))),
  };
}
