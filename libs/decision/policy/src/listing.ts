import { answerOfRules, applicablePolicies, mayMatchTemplate } from './applicable-policies.js';
import type { Applicable, ConnectFacts, RuleAnswer } from './applicable-policies.js';
import type { Caller } from './caller.js';
import { listingCircumstances } from './circumstances.js';
import type { CompiledPolicies, GatewayToServerPolicy, PolicySet } from './compile-policies.js';
import type { Action, Offer } from './decision.js';
import { FirstHop, isAttainable, SecondHop } from './examine.js';
import type { Examined } from './examine.js';

/**
 * False only when using this tool or prompt would be denied whatever its arguments, the time, the network or the age of
 * the sign-in: such a one is not listed (S15). What a step-up could reach stays visible.
 */
export function visible(policies: CompiledPolicies, caller: Caller, server: string, offer: Offer): boolean {
  return isOpenTo(policies, caller, server, offer);
}

/** The same for a resource template (RFC 6570): false only when reading would be denied whatever its variables are. */
export function visibleTemplate(
  policies: CompiledPolicies,
  caller: Caller,
  server: string,
  uriTemplate: string,
): boolean {
  return isOpenTo(policies, caller, server, { type: 'resource-template', uriTemplate }, (applicable) =>
    (applicable.byServer.get(server) ?? []).map((policy) => bestAnswer(policies.set, caller, policy, uriTemplate)),
  );
}

/** Which of the rules will match is not known yet: one that could let this caller in is enough. */
function bestAnswer(
  set: PolicySet,
  caller: Caller,
  { resources }: GatewayToServerPolicy,
  uriTemplate: string,
): RuleAnswer {
  const answers = resources
    .filter((rule) => mayMatchTemplate(rule, uriTemplate))
    .map((rule) => answerOfRules([rule], caller.roles));
  return answers.find((answer) => isAttainable(set, caller, answer)) ?? { matches: false };
}

function isOpenTo(
  policies: CompiledPolicies,
  caller: Caller,
  server: string,
  action: Action | Offer,
  answersOf?: (applicable: Applicable) => readonly RuleAnswer[],
): boolean {
  const { set } = policies;
  const applicable = applicablePolicies(set, caller);
  const circumstances = listingCircumstances(set, applicable, server, action);
  if (!hasOpen(new FirstHop(applicable, caller, circumstances))) return false;
  return hasOpen(new SecondHop({ set, applicable, caller, server, action }, circumstances, answersOf?.(applicable)));
}

function hasOpen(examined: Examined<unknown>): boolean {
  for (let index = 0; index < examined.policies.length; index++) {
    if (!examined.isWithinReach(index)) continue;
    const verdict = examined.verdictOf(index);
    if (verdict === 'holds' || verdict === 'step-up') return true;
  }
  return false;
}

/** The servers with a policy that could let this caller in, sorted; conditions are decided per request. */
export function serversFor(policies: CompiledPolicies, caller: ConnectFacts): readonly string[] {
  const applicable = applicablePolicies(policies.set, caller);
  return applicable.clientToGateway.length === 0 ? [] : applicable.servers;
}

/**
 * The servers this caller could reach with a credential of their own, each with the provider of the first policy that
 * says so; conditions are decided per request.
 */
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
