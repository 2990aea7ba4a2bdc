import { DURATION_WORDS, durationSeconds } from '@sallyport/kernel';
import type { AccessPolicySpec } from '@sallyport/configuration';
import { compileExpression } from './condition/expression.js';
import type { Expression } from './condition/expression.js';
import { compileHours } from './condition/hours.js';
import type { Hours } from './condition/hours.js';
import { patternDeviation } from './resource-uri.js';
import { compileSourceNetwork } from './condition/source-network.js';
import type { SourceNetwork } from './condition/source-network.js';

/** What is looked at on each call. A part that is not declared is `undefined` and holds. */
export interface Conditions {
  readonly mfa: boolean;
  readonly maxAuthAgeSeconds: number | undefined;
  readonly sourceNetwork: SourceNetwork | undefined;
  readonly hours: Hours | undefined;
  readonly when: Expression | undefined;
}

export interface PolicyProblem {
  /** Into the document's spec: `['conditions', 'hours']`. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

export function compileConditions(
  spec: Pick<AccessPolicySpec, 'conditions' | 'when'>,
): Conditions | { invalid: PolicyProblem[] } {
  const invalid: PolicyProblem[] = [];
  const sound = <T extends (...args: never[]) => unknown>(
    path: string[],
    compiled: T | { invalid: string } | undefined,
    prefix = '',
  ): T | undefined => {
    if (compiled === undefined || typeof compiled === 'function') return compiled;
    invalid.push({ path, message: `${prefix}${compiled.invalid}` });
    return undefined;
  };
  const { mfa = false, maxAuthAge, sourceCidrs, hours } = spec.conditions ?? {};
  const maxAuthAgeSeconds = maxAuthAge === undefined ? undefined : durationSeconds(maxAuthAge);
  if (maxAuthAge !== undefined && maxAuthAgeSeconds === undefined)
    invalid.push({ path: ['conditions', 'maxAuthAge'], message: DURATION_WORDS });
  const when = spec.when === undefined ? undefined : compileExpression(spec.when);
  if (when && 'invalid' in when) invalid.push({ path: ['when'], message: when.invalid });
  const sourceNetwork = sound(
    ['conditions', 'sourceCidrs'],
    sourceCidrs && compileSourceNetwork(sourceCidrs),
    'is not an address or CIDR block: ',
  );
  const compiledHours = sound(['conditions', 'hours'], hours === undefined ? undefined : compileHours(hours));
  if (invalid.length > 0) return { invalid };
  return {
    mfa,
    maxAuthAgeSeconds,
    sourceNetwork,
    hours: compiledHours,
    when: when && 'invalid' in when ? undefined : when,
  };
}

/**
 * Patterns for resources that no URI in its normal form could match: a rule that should tighten would not (security
 * rule S13).
 */
export function problemsOfPatterns(spec: AccessPolicySpec): PolicyProblem[] {
  if (spec.hop !== 'gateway-to-server') return [];
  return spec.resources.flatMap(({ match }, rule) =>
    match.flatMap((pattern, index) => {
      const part = patternDeviation(pattern);
      const message =
        `matches nothing: its ${part} is not in the normal form in which resources are asked for ` +
        `(docs/policies.md)`;
      return part === undefined ? [] : [{ path: ['resources', rule, 'match', index], message }];
    }),
  );
}

/** Why this policy would permit nothing; what refuses it when it is written. */
export function problemsOfPolicy(spec: AccessPolicySpec): PolicyProblem[] {
  const conditions = compileConditions(spec);
  return [...('invalid' in conditions ? conditions.invalid : []), ...problemsOfPatterns(spec)];
}
