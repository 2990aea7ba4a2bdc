import type { ApprovedTool } from '@sallyport/configuration';
import {
  answerOf,
  answerOfRules,
  answerOfTemplate,
  answerOfUri,
  applicablePolicies,
  mayMatchTemplate,
} from './applicable-policies.js';
import type { Applicable, ConnectFacts, RuleAnswer } from './applicable-policies.js';
import type { Caller } from './caller.js';
import type { CompiledPolicies, GatewayToServerPolicy, PolicySet } from './compile-policies.js';
import { DECISION_STEPS, ExpressionBudget } from './condition/expression-budget.js';
import { failingCondition } from './failing-condition.js';
import type { Circumstances } from './failing-condition.js';
import { DEFAULT_DENY } from './decision.js';
import type { AccessRequest, Action, ConnectDecision, Decision, DenialReason, Offer, ToolFacts } from './decision.js';
import { permit } from './permit.js';
import { templateDeviation, uriDeviation } from './resource-uri.js';

/**
 * Both hops in one decision: may this human through this agent come in, and may they do this at this server (R3, R22)?
 * Default deny. One client-to-gateway policy and one gateway-to-server policy must each hold completely; the first of
 * each, by name, that does is the one named. Where none does, the named one is the one that came closest.
 * Pure: no I/O, and no clock but `request.now`.
 */
export function decide(policies: CompiledPolicies, caller: Caller, request: AccessRequest): Decision {
  const { set, revision } = policies;
  const applicable = applicablePolicies(set, caller);
  const circumstances = circumstancesOf(set, applicable, request);

  const first = decideFirstHop(applicable, caller, circumstances);
  if (first.reason)
    return {
      outcome: 'deny',
      reason: first.reason,
      policies: { clientToGateway: first.policy, gatewayToServer: null },
      revision,
    };

  const second = decideSecondHop(set, applicable, caller, request, circumstances);
  const deciding = { clientToGateway: first.policy, gatewayToServer: second.policy?.name ?? DEFAULT_DENY };
  switch (second.outcome) {
    case 'allow':
      return {
        outcome: 'allow',
        permit: permit({
          caller,
          server: request.server,
          credentialProvider: second.policy.credentialProvider,
          policies: deciding,
          revision,
        }),
        policies: deciding,
        revision,
      };
    case 'step-up':
      return { outcome: 'step-up', requiredScopes: second.requiredScopes, policies: deciding, revision };
    case 'deny':
      return { outcome: 'deny', reason: second.reason, policies: deciding, revision };
  }
}

/** The first hop alone, for the authorization server at authorize and token time. Expressions see an empty `tool`. */
export function decideConnect(
  policies: CompiledPolicies,
  facts: ConnectFacts,
  request: { sourceIp: string | null; now: number },
): ConnectDecision {
  const applicable = applicablePolicies(policies.set, facts);
  const circumstances = circumstancesOf(policies.set, applicable, {
    server: '',
    action: { type: 'connect' },
    ...request,
  });
  const { policy, reason } = decideFirstHop(applicable, facts, circumstances);
  return reason
    ? { outcome: 'deny', reason, policy, revision: policies.revision }
    : { outcome: 'allow', policy, revision: policies.revision };
}

function decideFirstHop(
  applicable: Applicable,
  caller: ConnectFacts,
  circumstances: Circumstances,
): { policy: string; reason?: DenialReason } {
  let closest: { policy: string; reason: DenialReason } | undefined;
  for (const policy of applicable.clientToGateway) {
    const reason = failingCondition(policy.conditions, caller, circumstances);
    if (!reason) return { policy: policy.name };
    closest ??= { policy: policy.name, reason };
  }
  return closest ?? { policy: DEFAULT_DENY, reason: 'no_client_to_gateway_policy' };
}

/** A resource whose URI has another form that is its normal one: a rule would be held against the wrong one (S13). */
function isOtherwiseRead(action: Action): boolean {
  if (action.type === 'resource') return uriDeviation(action.uri) !== undefined;
  return action.type === 'resource-template' && templateDeviation(action.uriTemplate) !== undefined;
}

type SecondHop =
  | { outcome: 'allow'; policy: GatewayToServerPolicy }
  | { outcome: 'step-up'; policy: GatewayToServerPolicy; requiredScopes: readonly string[] }
  | { outcome: 'deny'; policy: GatewayToServerPolicy | undefined; reason: DenialReason };

function decideSecondHop(
  set: PolicySet,
  applicable: Applicable,
  caller: Caller,
  request: AccessRequest,
  circumstances: Circumstances,
): SecondHop {
  const { action, server } = request;
  if (isOtherwiseRead(action)) return { outcome: 'deny', policy: undefined, reason: 'resource_uri_not_normal' };
  const candidates = applicable.byServer.get(server) ?? [];
  const answers = ruleAnswers(applicable, candidates, caller, server, action);
  const { isHeldBack } = approvalOf(set, server, action);
  let stepUp: SecondHop | undefined;
  let closest: SecondHop | undefined;
  let closeness = -1;
  const deny = (policy: GatewayToServerPolicy, reason: DenialReason, steps: number) => {
    if (steps > closeness) [closest, closeness] = [{ outcome: 'deny', policy, reason }, steps];
  };

  for (const [index, policy] of candidates.entries()) {
    if (action.type === 'lease' && action.policy !== undefined && action.policy !== policy.name) continue;
    const answer = answers?.[index];
    if (answer && !answer.matches) {
      deny(
        policy,
        isOfResource(action)
          ? 'resource_not_granted'
          : action.type === 'prompt'
            ? 'prompt_not_granted'
            : 'tool_not_granted',
        0,
      );
      continue;
    }
    if (answer && isHeldBack && !answer.takesUnapproved) {
      deny(policy, 'tool_not_approved', 1);
      continue;
    }
    if (answer && !answer.rolesHeld) {
      deny(policy, 'role_missing', 1);
      continue;
    }
    const failing = failingCondition(policy.conditions, caller, circumstances);
    if (failing) {
      deny(policy, failing, 2);
      continue;
    }
    const missing = answer ? answer.scopes.filter((scope) => !caller.scopes.has(scope)) : [];
    if (!answer || missing.length === 0) return { outcome: 'allow', policy };
    if (missing.every((scope) => isEntitled(set, caller, scope)))
      stepUp ??= { outcome: 'step-up', policy, requiredScopes: answer.scopes };
    else deny(policy, 'scope_not_entitled', 3);
  }
  return stepUp ?? closest ?? { outcome: 'deny', policy: undefined, reason: 'no_gateway_to_server_policy' };
}

/**
 * False only when using this tool or prompt would be denied whatever its arguments, the time, the network or the age of
 * the sign-in: such a one is not listed (S15). What a step-up could reach stays visible.
 */
export function visible(policies: CompiledPolicies, caller: Caller, server: string, offer: Offer): boolean {
  return isOpenTo(
    policies,
    caller,
    server,
    offer,
    (candidates, applicable) => ruleAnswers(applicable, candidates, caller, server, offer) ?? [],
  );
}

/** The same for a resource template (RFC 6570): false only when reading would be denied whatever its variables are. */
export function visibleTemplate(
  policies: CompiledPolicies,
  caller: Caller,
  server: string,
  uriTemplate: string,
): boolean {
  return isOpenTo(policies, caller, server, { type: 'resource-template', uriTemplate }, (candidates) =>
    candidates.map(({ resources }): RuleAnswer => {
      // Which of them will match is not known yet: one that could let this caller in is enough.
      const answers = resources
        .filter((rule) => mayMatchTemplate(rule, uriTemplate))
        .map((rule) => answerOfRules([rule], caller.roles));
      return answers.find((answer) => isAttainable(policies.set, caller, answer)) ?? { matches: false };
    }),
  );
}

function isOpenTo(
  policies: CompiledPolicies,
  caller: Caller,
  server: string,
  action: Action,
  answersOf: (candidates: readonly GatewayToServerPolicy[], applicable: Applicable) => readonly RuleAnswer[],
): boolean {
  const { set } = policies;
  const applicable = applicablePolicies(set, caller);
  const { isHeldBack } = approvalOf(set, server, action);
  const { variables, budget } = circumstancesOf(set, applicable, { server, action, sourceIp: null, now: 0 });
  const open = ({ conditions: { when } }: { conditions: { when: GatewayToServerPolicy['conditions']['when'] } }) =>
    !when || when.reads.toolArguments || when.reads.request || when.evaluate(variables(), budget) === 'true';
  if (!applicable.clientToGateway.some(open)) return false;
  const candidates = applicable.byServer.get(server) ?? [];
  const answers = answersOf(candidates, applicable);
  return candidates.some((policy, index) => isAttainable(set, caller, answers[index], isHeldBack) && open(policy));
}

/** The rules let this caller in, now or after a step-up. */
function isAttainable(set: PolicySet, caller: Caller, answer: RuleAnswer | undefined, isHeldBack = false): boolean {
  return (
    answer?.matches === true &&
    (answer.takesUnapproved || !isHeldBack) &&
    answer.rolesHeld &&
    answer.scopes.every((scope) => caller.scopes.has(scope) || isEntitled(set, caller, scope))
  );
}

/** The servers with a policy that could let this caller in, sorted; conditions are decided per request. */
export function serversFor(policies: CompiledPolicies, caller: ConnectFacts): string[] {
  const applicable = applicablePolicies(policies.set, caller);
  return applicable.clientToGateway.length === 0 ? [] : [...applicable.byServer.keys()].sort();
}

/** The servers this caller could reach with a credential of their own, each with the provider of the first policy that says so; conditions are decided per request. */
export function personalProvidersFor(policies: CompiledPolicies, caller: ConnectFacts): Map<string, string> {
  const applicable = applicablePolicies(policies.set, caller);
  const providers = new Map<string, string>();
  if (applicable.clientToGateway.length === 0) return providers;
  for (const [server, candidates] of applicable.byServer) {
    const personal = candidates.find(({ perUser }) => perUser);
    if (personal) providers.set(server, personal.credentialProvider);
  }
  return providers;
}

const isEntitled = (set: PolicySet, caller: Caller, scope: string): boolean =>
  caller.roles.some((role) => set.entitledScopes(role).has(scope));

const isOfResource = (action: Action): boolean => action.type === 'resource' || action.type === 'resource-template';

const isOfTool = (action: Action | Offer): action is Extract<Action, { type: 'tool' | 'tool-view' | 'task' }> =>
  action.type === 'tool' || action.type === 'tool-view' || action.type === 'task';

/** Servers invent names: remembered answers are few and forgotten together. */
const MAX_REMEMBERED_NAMES = 4_096;

/** One answer per candidate policy; `undefined` where the action is no operation. */
function ruleAnswers(
  applicable: Applicable,
  candidates: readonly GatewayToServerPolicy[],
  caller: Caller,
  server: string,
  action: Action,
): readonly RuleAnswer[] | undefined {
  if (action.type === 'resource')
    return candidates.map((policy) => answerOfUri(policy.resources, action.uri, caller.roles));
  if (action.type === 'resource-template')
    return candidates.map((policy) => answerOfTemplate(policy.resources, action.uriTemplate, caller.roles));
  const list = action.type === 'prompt' ? 'prompts' : isOfTool(action) ? 'tools' : undefined;
  if (list === undefined || !('name' in action)) return undefined;
  const key = `${list} ${server} ${action.name}`;
  let answers = applicable.answersByName.get(key);
  if (!answers) {
    answers = candidates.map((policy) => answerOf(policy[list], action.name, caller.roles));
    if (applicable.answersByName.size >= MAX_REMEMBERED_NAMES) applicable.answersByName.clear();
    applicable.answersByName.set(key, answers);
  }
  return answers;
}

function circumstancesOf(
  set: PolicySet,
  applicable: Applicable,
  { server, action, sourceIp, now }: AccessRequest,
): Circumstances {
  const isOperation = isOfTool(action) || isOfResource(action) || action.type === 'prompt';
  return {
    sourceIp,
    now,
    ignoreSource: action.type === 'lease',
    answers: (reads) =>
      (isOperation && !(action.type === 'tool-view' && reads.toolArguments)) ||
      !(reads.tool || (reads.request && action.type === 'lease')),
    budget: new ExpressionBudget(DECISION_STEPS),
    lacks: (reads) => action.type === 'task' && action.arguments === undefined && reads.toolArguments,
    variables: () => ({
      ...applicable.variables,
      tool: isOfTool(action)
        ? {
            name: action.name,
            approved: approvalOf(set, server, action).approved !== undefined,
            annotations: annotationsOf(approvalOf(set, server, action).approved),
            arguments: ('arguments' in action ? action.arguments : undefined) ?? {},
          }
        : {},
      request: { server, ...describe(action), sourceIp: sourceIp ?? '', time: new Date(now) },
    }),
  };
}

/** What an expression sees of an action, in `request`. */
function describe(action: Action): { readonly kind: string; readonly name: string; readonly uri: string } {
  const name = 'name' in action ? action.name : '';
  switch (action.type) {
    case 'resource':
      return { kind: 'resource', name, uri: action.uri };
    case 'resource-template':
      return { kind: 'resource', name, uri: action.uriTemplate };
    default:
      return { kind: action.type === 'task' ? 'tool' : action.type, name, uri: '' };
  }
}

/** Whether the tool is approved as it is now; `undefined` for a server of which no tools are. */
export function isApproved({ set }: CompiledPolicies, server: string, tool: ToolFacts): boolean | undefined {
  return set.approvedTools.has(server)
    ? approvalOf(set, server, { type: 'tool', ...tool }).approved !== undefined
    : undefined;
}

/** What was approved of a tool as it is now; held back is one that was not, at a server of which tools were. */
function approvalOf(
  set: PolicySet,
  server: string,
  action: Action | Offer,
): { readonly approved?: ApprovedTool | undefined; readonly isHeldBack: boolean } {
  const ofServer = isOfTool(action) ? set.approvedTools.get(server) : undefined;
  if (ofServer === undefined || !isOfTool(action)) return { isHeldBack: false };
  const approved = ofServer.get(action.name)?.find(({ sha256 }) => sha256 === action.definition);
  return { approved, isHeldBack: approved === undefined };
}

/** The defaults of the MCP specification (ToolAnnotations): what is not said is the worst (S14). */
function annotationsOf(approved: ApprovedTool | undefined): Record<string, boolean> {
  const annotations = approved?.annotations;
  return {
    readOnlyHint: annotations?.readOnlyHint ?? false,
    destructiveHint: annotations?.destructiveHint ?? true,
    idempotentHint: annotations?.idempotentHint ?? false,
    openWorldHint: annotations?.openWorldHint ?? true,
  };
}
