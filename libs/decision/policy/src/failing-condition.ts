import type { ConnectFacts } from './applicable-policies.js';
import type { Conditions } from './compile-conditions.js';
import { isMultiFactor } from './condition/multi-factor.js';
import type { ExpressionReads, ExpressionVariables } from './condition/expression.js';
import type { ExpressionBudget } from './condition/expression-budget.js';
import type { DenialReason } from './decision.js';

/** A sign-in may lie this far in the future: clocks differ. */
export const SKEW_SECONDS = 60;

const EXPRESSION_REASONS = {
  false: 'expression_false',
  failed: 'expression_failed',
  'over-budget': 'expression_over_budget',
} as const;

export interface Circumstances {
  /** True where a list is made: MFA, age, network and hours are left to the operation. */
  readonly isListing: boolean;
  readonly sourceIp: string | null;
  readonly now: number;
  /** True where the source network was decided elsewhere. */
  readonly ignoreSource: boolean;
  /** Whether an expression that reads these is to be answered here; if not it is left to the operation. */
  readonly answers: (reads: ExpressionReads) => boolean;
  /** Whether an expression that reads these is to be answered here, and cannot be. */
  readonly lacks: (reads: ExpressionReads) => boolean;
  /** Whether an expression that reads these would be shown another number than is sent. */
  readonly isInexact: (reads: ExpressionReads) => boolean;
  readonly variables: () => ExpressionVariables;
  /** What all expressions of this decision may spend. */
  readonly budget: ExpressionBudget;
}

/** The first condition that does not hold, or `undefined` when all do. */
export function failingCondition(
  conditions: Conditions,
  caller: ConnectFacts,
  circumstances: Circumstances,
): DenialReason | undefined {
  return (
    (circumstances.isListing ? undefined : failingFact(conditions, caller, circumstances)) ??
    failingExpression(conditions, circumstances)
  );
}

function failingFact(
  { mfa, maxAuthAgeSeconds, sourceNetwork, hours }: Conditions,
  caller: ConnectFacts,
  circumstances: Circumstances,
): DenialReason | undefined {
  if (mfa && !isMultiFactor(caller.amr)) return 'mfa_required';
  if (maxAuthAgeSeconds !== undefined) {
    const age = circumstances.now / 1000 - caller.authTime;
    if (!(age <= maxAuthAgeSeconds && age >= -SKEW_SECONDS)) return 'authentication_too_old';
  }
  if (
    sourceNetwork &&
    !circumstances.ignoreSource &&
    (circumstances.sourceIp === null || !sourceNetwork(circumstances.sourceIp))
  )
    return 'source_not_allowed';
  return hours && !hours(circumstances.now) ? 'outside_hours' : undefined;
}

function failingExpression({ when }: Conditions, circumstances: Circumstances): DenialReason | undefined {
  if (when && circumstances.answers(when.reads)) {
    if (circumstances.isInexact(when.reads)) return 'expression_number_inexact';
    const answer = circumstances.lacks(when.reads)
      ? 'failed'
      : when.evaluate(circumstances.variables(), circumstances.budget);
    if (answer !== 'true') return EXPRESSION_REASONS[answer];
  }
  return undefined;
}
