import { answerOf, answerOfTemplate, answerOfUri, applicablePolicies } from './applicable-policies.js';
import type { Applicable, ConnectFacts, RuleAnswer } from './applicable-policies.js';
import { approvalOf } from './approval.js';
import type { Caller } from './caller.js';
import { circumstancesOf } from './circumstances.js';
import type { ClientToGatewayPolicy, CompiledPolicies, GatewayToServerPolicy, PolicySet } from './compile-policies.js';
import { isOfResource, isOfTool } from './decision.js';
import type { AccessRequest, Action, DenialReason } from './decision.js';
import { failingCondition } from './failing-condition.js';
import type { Circumstances } from './failing-condition.js';
import { templateDeviation, uriDeviation } from './resource-uri.js';

/** What one policy says. `step-up`: only scopes are missing, and the user's roles entitle to them. */
export type Verdict = 'holds' | 'step-up' | DenialReason;

/** The policies of one hop that apply to a caller, by name, and what each says of the operation. */
export interface Examined<Policy> {
  readonly policies: readonly Policy[];
  /** False when rules, roles and scopes alone keep the policy at this place from holding: no expression is asked. */
  isWithinReach(index: number): boolean;
  /** Judges the policy at this place. An expression of it spends of the budget of the whole examination (S29). */
  verdictOf(index: number): Verdict;
  /** The scopes that the operation needs by this policy's rules (RFC 6750 section 3.1). */
  scopesOf(index: number): readonly string[];
}

export interface Examination {
  readonly clientToGateway: Examined<ClientToGatewayPolicy>;
  /** Made when it is asked for: where the first hop denies, nobody asks. */
  gatewayToServer(): Examined<GatewayToServerPolicy>;
}

/**
 * Examines the policies that apply to a caller for one operation: whether each holds, and if not why. `decide` reads
 * the verdicts until one holds; a list, and whoever wants to explain a decision, reads the same ones.
 */
export function examine({ set }: CompiledPolicies, caller: Caller, request: AccessRequest): Examination {
  const { server, action } = request;
  const applicable = applicablePolicies(set, caller);
  const circumstances = circumstancesOf(set, applicable, request);
  return {
    clientToGateway: new FirstHop(applicable, caller, circumstances),
    gatewayToServer: () => new SecondHop({ set, applicable, caller, server, action }, circumstances),
  };
}

/** May this human through this agent come in? */
export class FirstHop implements Examined<ClientToGatewayPolicy> {
  readonly policies: readonly ClientToGatewayPolicy[];
  readonly #caller: ConnectFacts;
  readonly #circumstances: Circumstances;

  constructor({ clientToGateway }: Applicable, caller: ConnectFacts, circumstances: Circumstances) {
    this.policies = clientToGateway;
    this.#caller = caller;
    this.#circumstances = circumstances;
  }

  isWithinReach(): boolean {
    return true;
  }

  verdictOf(index: number): Verdict {
    const policy = this.policies[index];
    if (policy === undefined) return 'no_client_to_gateway_policy';
    return failingCondition(policy.conditions, this.#caller, this.#circumstances) ?? 'holds';
  }

  scopesOf(): readonly string[] {
    return NO_SCOPES;
  }
}

export interface SecondHopQuestion {
  readonly set: PolicySet;
  readonly applicable: Applicable;
  readonly caller: Caller;
  readonly server: string;
  readonly action: Action;
}

/** May they do this one thing at this one server? */
export class SecondHop implements Examined<GatewayToServerPolicy> {
  readonly policies: readonly GatewayToServerPolicy[];
  readonly #question: SecondHopQuestion;
  readonly #circumstances: Circumstances;
  readonly #answers: readonly RuleAnswer[] | undefined;
  readonly #isHeldBack: boolean;

  /** @param answers how each policy's rules answer, where that is not for `ruleAnswers` to say */
  constructor(question: SecondHopQuestion, circumstances: Circumstances, answers?: readonly RuleAnswer[]) {
    const { set, applicable, server, action } = question;
    const candidates = applicable.byServer.get(server) ?? NO_POLICIES;
    const only = action.type === 'lease' ? action.policy : undefined;
    // Only a lease narrows the candidates, and a lease has no rule answers that would have to stay in step with them.
    this.policies = only === undefined ? candidates : candidates.filter(({ name }) => name === only);
    this.#question = question;
    this.#circumstances = circumstances;
    this.#answers = answers ?? ruleAnswers(question, this.policies);
    this.#isHeldBack = approvalOf(set, server, action).isHeldBack;
  }

  isWithinReach(index: number): boolean {
    const answer = this.#answers?.[index];
    const { caller, set } = this.#question;
    return answer === undefined || isAttainable(set, caller, answer);
  }

  verdictOf(index: number): Verdict {
    const policy = this.policies[index];
    if (policy === undefined) return 'no_gateway_to_server_policy';
    const { set, caller, action } = this.#question;
    const answer = this.#answers?.[index];
    if (answer) {
      if (!answer.matches) return notGranted(action);
      if (this.#isHeldBack && !answer.takesUnapproved) return 'tool_not_approved';
      if (!answer.rolesHeld) return 'role_missing';
    }
    const failing = failingCondition(policy.conditions, caller, this.#circumstances);
    return failing ?? (answer === undefined ? 'holds' : verdictOnScopes(answer.scopes, caller, set));
  }

  scopesOf(index: number): readonly string[] {
    const answer = this.#answers?.[index];
    return answer?.matches === true ? answer.scopes : NO_SCOPES;
  }
}

const NO_SCOPES: readonly string[] = [];
const NO_POLICIES: readonly GatewayToServerPolicy[] = [];

function verdictOnScopes(scopes: readonly string[], caller: Caller, set: PolicySet): Verdict {
  if (scopes.length === 0) return 'holds';
  const missing = scopes.filter((scope) => !caller.scopes.has(scope));
  if (missing.length === 0) return 'holds';
  return missing.every((scope) => isEntitled(set, caller, scope)) ? 'step-up' : 'scope_not_entitled';
}

function notGranted(action: Action): DenialReason {
  if (isOfResource(action)) return 'resource_not_granted';
  return action.type === 'prompt' ? 'prompt_not_granted' : 'tool_not_granted';
}

/** A resource whose URI has another form that is its normal one: a rule would be held against the wrong one (S13). */
export function hasOtherForm(action: Action): boolean {
  if (action.type === 'resource') return uriDeviation(action.uri) !== undefined;
  return action.type === 'resource-template' && templateDeviation(action.uriTemplate) !== undefined;
}

/** The rules let this caller in, now or after a step-up. */
export const isAttainable = (set: PolicySet, caller: Caller, answer: RuleAnswer): boolean =>
  answer.matches &&
  answer.rolesHeld &&
  answer.scopes.every((scope) => caller.scopes.has(scope) || isEntitled(set, caller, scope));

export const isEntitled = (set: PolicySet, caller: Caller, scope: string): boolean =>
  caller.roles.some((role) => set.entitledScopes(role).has(scope));

/** Servers invent names: remembered answers are few and forgotten together. */
const MAX_REMEMBERED_NAMES = 4_096;

/** One answer per candidate policy; `undefined` where the action is no operation. */
function ruleAnswers(
  { applicable, caller, server, action }: SecondHopQuestion,
  candidates: readonly GatewayToServerPolicy[],
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
