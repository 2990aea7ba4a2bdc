import { EXPRESSION_STEPS, ExpressionBudget } from './expression-budget.js';
import { checkExpression, ofClaims } from './expression.js';
import { meterExpression } from './meter-expression.js';

export interface ClaimExpression {
  /**
   * @returns undefined where it comes to no value: a claim is missing, types do not fit, or there is more than its
   * budget is for
   */
  evaluate(claims: Readonly<Record<string, unknown>>): unknown;
}

/**
 * CEL over `claims`, the verified ID token of a trust provider, with the same cost bound as a policy's expressions
 * (S29).
 * @param wanted `text`: one string; `texts`: a list of strings, or one
 */
export function compileClaimExpression(
  source: string,
  wanted: 'text' | 'texts',
): ClaimExpression | { invalid: string } {
  const checked = checkExpression(ofClaims, source);
  if ('invalid' in checked) return checked;
  const { type, program } = checked;
  if (type !== 'dyn' && type !== 'string' && !(wanted === 'texts' && type.startsWith('list'))) {
    return { invalid: `must be ${wanted === 'text' ? 'a string' : 'a list of strings'}, not ${type}` };
  }
  const run = meterExpression(ofClaims, program);
  return {
    evaluate: (claims) => {
      try {
        return run({ claims: { ...claims } }, new ExpressionBudget(EXPRESSION_STEPS));
      } catch {
        return undefined; // an evaluation error is an answer: there is no such claim, or too much of it
      }
    },
  };
}
