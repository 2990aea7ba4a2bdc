import { costRefusal, ofClaims } from './expression.js';

export interface ClaimExpression {
  /** @returns undefined where it does not come to a value: a claim is missing, types do not fit */
  evaluate(claims: Readonly<Record<string, unknown>>): unknown;
}

/**
 * CEL over `claims`, the verified ID token of a trust provider, with the same cost bound as a policy's expressions (S29).
 * @param wanted `text`: one string; `texts`: a list of strings, or one
 */
export function compileClaimExpression(source: string, wanted: 'text' | 'texts'): ClaimExpression | { invalid: string } {
  const checked = ofClaims.check(source);
  if (!checked.valid) return { invalid: (checked.error?.message ?? 'is not a CEL expression').split('\n', 1)[0] ?? '' };
  const type = String(checked.type);
  if (type !== 'dyn' && type !== 'string' && !(wanted === 'texts' && type.startsWith('list'))) return { invalid: `must be ${wanted === 'text' ? 'a string' : 'a list of strings'}, not ${type}` };
  const program = ofClaims.parse(source);
  const refusal = costRefusal(program.ast);
  if (refusal !== undefined) return { invalid: refusal };
  return {
    evaluate: (claims) => {
      try {
        return program({ claims: { ...claims } });
      } catch {
        return undefined; // an evaluation error is an answer: there is no such claim
      }
    },
  };
}
