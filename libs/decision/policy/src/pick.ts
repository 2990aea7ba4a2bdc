import type { DenialReason } from './decision.js';
import type { Examined } from './examine.js';

export type Picked<Policy> =
  | { readonly outcome: 'holds'; readonly policy: Policy }
  | { readonly outcome: 'step-up'; readonly policy: Policy; readonly requiredScopes: readonly string[] }
  | { readonly outcome: 'fails'; readonly policy: Policy; readonly reason: DenialReason };

/**
 * Picks the first policy that holds; else the first a step-up would make hold; else the one that came closest, if any.
 */
export function pick<Policy>(examined: Examined<Policy>): Picked<Policy> | undefined {
  let stepUp: Picked<Policy> | undefined;
  let closest: Policy | undefined;
  let reason: DenialReason | undefined;
  let index = -1;
  for (const policy of examined.policies) {
    index += 1;
    const verdict = examined.verdictOf(index);
    if (verdict === 'holds') return { outcome: 'holds', policy };
    if (verdict === 'step-up') stepUp ??= { outcome: 'step-up', policy, requiredScopes: examined.scopesOf(index) };
    else if (verdict !== reason && (reason === undefined || CLOSENESS[verdict] > CLOSENESS[reason])) {
      closest = policy;
      reason = verdict;
    }
  }
  if (stepUp !== undefined) return stepUp;
  return closest === undefined || reason === undefined ? undefined : { outcome: 'fails', policy: closest, reason };
}

/** How many kinds of checks held before this one did not: rules, approval and roles, conditions, scopes. */
const CLOSENESS: Readonly<Record<DenialReason, number>> = {
  no_client_to_gateway_policy: 0,
  no_gateway_to_server_policy: 0,
  resource_uri_not_normal: 0,
  tool_not_granted: 0,
  resource_not_granted: 0,
  prompt_not_granted: 0,
  tool_not_approved: 1,
  role_missing: 1,
  mfa_required: 2,
  authentication_too_old: 2,
  source_not_allowed: 2,
  outside_hours: 2,
  expression_false: 2,
  expression_failed: 2,
  expression_over_budget: 2,
  expression_number_inexact: 2,
  scope_not_entitled: 3,
};
