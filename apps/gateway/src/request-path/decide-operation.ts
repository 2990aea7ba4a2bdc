import { decide, DEFAULT_DENY } from '@sallyport/policy';
import type { Action, Decision, Permit } from '@sallyport/policy';
import { isRefusal } from './refusal.js';
import type { Refusal } from './refusal.js';
import { asOfNow } from './request-path.js';
import type { Call } from './request-path.js';

/** Decides both hops for one operation. Only an allowed decision holds a permit; the record names the policies either way (R29). */
export function decideOperation(call: Call, server: string, action: Action, denied: Refusal): Permit | Refusal {
  return permitOf(call, decisionOn(call, server, action), denied);
}

export function decisionOn(call: Call, server: string, action: Action): Decision {
  return decide(call.policies, call.caller, { server, action, sourceIp: call.inbound.sourceIp, now: call.now });
}

/** Decided for each change that is told: what was subscribed to may have been withdrawn since (S17). */
export function mayHear(call: Call, server: string, action: Action): boolean {
  const now = asOfNow(call);
  return !isRefusal(now) && decisionOn(now, server, action).outcome === 'allow';
}

export function permitOf(call: Call, decision: Decision, denied: Refusal): Permit | Refusal {
  call.facts.policies = decision.policies;
  call.facts.policyRevision = decision.revision;
  switch (decision.outcome) {
    case 'allow':
      return decision.permit;
    case 'step-up':
      return call.path.stepUps.mayAsk(call.caller, decision.requiredScopes)
        ? { refused: 'insufficient-scope', requiredScopes: decision.requiredScopes }
        : { refused: 'denied' };
    case 'deny':
      if (decision.reason === 'expression_over_budget') call.path.observeOverBudget?.(decidingPolicy(decision));
      if (decision.policies.gatewayToServer === null) return { refused: 'not-admitted', reason: decision.reason };
      call.facts.reason = decision.reason;
      return denied;
  }
}

const decidingPolicy = ({ policies }: Decision): string =>
  policies.gatewayToServer ?? policies.clientToGateway ?? DEFAULT_DENY;
