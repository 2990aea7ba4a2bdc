import { Environment } from '@marcbachmann/cel-js';
import type { ASTNode, ParseResult } from '@marcbachmann/cel-js';
import { EXPRESSION_STEPS, ExpressionBudget, OverBudget } from './expression-budget.js';
import { compileGlob } from './glob.js';
import { children, LOOPS, meterExpression } from './meter-expression.js';
import { isNormalUri, isPlainPath, pathWithin, uriWithin } from './within.js';

/** What an expression can see. Numbers of JSON are doubles; `request.time` is a timestamp. */
export interface ExpressionVariables {
  readonly user: Readonly<Record<string, unknown>>;
  readonly agent: Readonly<Record<string, unknown>>;
  readonly tool: Readonly<Record<string, unknown>>;
  readonly request: Readonly<Record<string, unknown>>;
}

/** The part of the world an expression looks at: what it does not mention cannot change its answer. */
export interface ExpressionReads {
  readonly tool: boolean;
  readonly toolArguments: boolean;
  readonly request: boolean;
}

/**
 * `failed`: it did not come to a boolean (a field is missing, types do not fit). `over-budget`: the data it was shown
 * is more than it may go through. Whoever asks must deny both.
 */
export type ExpressionAnswer = 'true' | 'false' | 'failed' | 'over-budget';

export interface Expression {
  readonly reads: ExpressionReads;
  /** @param steps what this and others may spend together; without it, what one expression may */
  evaluate(variables: ExpressionVariables, steps?: ExpressionBudget): ExpressionAnswer;
}

const environmentOf = (...variables: readonly string[]): Environment =>
  variables
    .reduce(
      (environment, name) => environment.registerVariable(name, 'map'),
      new Environment({
        homogeneousAggregateLiterals: false,
        limits: { maxAstNodes: 500, maxDepth: 32, maxListElements: 256, maxMapEntries: 64, maxCallArguments: 8 },
      }),
    )
    .registerFunction('string.glob(string): bool', (text: string, pattern: string) => compileGlob(pattern)(text))
    .registerFunction('isNormalUri(string): bool', isNormalUri)
    .registerFunction('uriWithin(string, string): bool', uriWithin)
    .registerFunction('isPlainPath(string): bool', isPlainPath)
    .registerFunction('pathWithin(string, string): bool', pathWithin);

/** What is compared with must be plain itself; else the expression could only fail. */
const BASES = new Map([
  ['uriWithin', isNormalUri],
  ['pathWithin', isPlainPath],
]);

/** Of a policy's `when`. */
export const ofPolicies = environmentOf('user', 'agent', 'tool', 'request');
/** Over the claims of a token. */
export const ofClaims = environmentOf('claims');

/** A regular expression on an agent's text has no cost bound in JavaScript (security rule S29). */
const REFUSED = new Map([
  ['matches', 'regular expressions are not allowed: use `glob`, `startsWith`, `endsWith` or `contains`'],
  ['json', '`json` is not allowed: what it reads has no bound'],
]);

/**
 * CEL with a bounded cost (security rule S29): length and size of the expression are limited, loops do not nest, there
 * are no regular expressions (`text.glob("a*")` is there instead), and what it does to the data it is shown spends a
 * budget.
 * @returns what is wrong, else the expression
 */
export function compileExpression(source: string): Expression | { invalid: string } {
  return compile<ExpressionVariables>(ofPolicies, source);
}

/** The same language over the claims of a token that was verified. Whoever asks must refuse all but `true`. */
export interface ClaimsCondition {
  evaluate(variables: { readonly claims: Readonly<Record<string, unknown>> }): ExpressionAnswer;
}
export function compileClaimsCondition(source: string): ClaimsCondition | { invalid: string } {
  return compile<{ readonly claims: Readonly<Record<string, unknown>> }>(ofClaims, source);
}

interface Compiled<V> {
  readonly reads: ExpressionReads;
  evaluate(variables: V, steps?: ExpressionBudget): ExpressionAnswer;
}

function compile<V extends object>(environment: Environment, source: string): Compiled<V> | { invalid: string } {
  const checked = checkExpression(environment, source);
  if ('invalid' in checked) return checked;
  const { type, program, reads } = checked;
  if (type !== 'bool' && type !== 'dyn') return { invalid: `must be true or false, not ${type}` };
  const run = meterExpression(environment, program);
  return {
    reads,
    evaluate: (variables, steps) => {
      try {
        const value = withinBudget(steps, (budget) => run(variables, budget));
        return value === true ? 'true' : value === false ? 'false' : 'failed';
      } catch (error) {
        return error instanceof OverBudget ? 'over-budget' : 'failed'; // an evaluation error is an answer: it denies
      }
    },
  };
}

/** One expression spends at most its own budget, and at most what is left of the one it shares. */
function withinBudget(shared: ExpressionBudget | undefined, run: (budget: ExpressionBudget) => unknown): unknown {
  const given = Math.min(EXPRESSION_STEPS, shared?.left ?? EXPRESSION_STEPS);
  const budget = new ExpressionBudget(given);
  try {
    return run(budget);
  } finally {
    if (shared !== undefined && given > 0) shared.spend(given - budget.left);
  }
}

interface Checked {
  /** What it comes to, as CEL names it. */
  readonly type: string;
  readonly program: ParseResult;
  readonly reads: ExpressionReads;
}

/** An expression that may be compiled: it says what is written, and its form has a bound (security rule S29). */
export function checkExpression(environment: Environment, source: string): Checked | { invalid: string } {
  let program: ParseResult;
  try {
    program = environment.parse(source);
  } catch (error) {
    return { invalid: firstLine(error) };
  }
  const checked = program.check();
  if (!checked.valid) return { invalid: firstLine(checked.error) };
  const reads = { tool: false, toolArguments: false, request: false };
  const refusal = inspect(program.ast, reads, 0);
  return refusal === undefined ? { type: String(checked.type), program, reads } : { invalid: refusal };
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message.split('\n', 1)[0] : undefined) || 'is not a CEL expression';
}

/** Notes what is read; returns why the expression is refused. */
function inspect(
  node: ASTNode,
  reads: { tool: boolean; toolArguments: boolean; request: boolean },
  loops: number,
): string | undefined {
  if (node.op === 'id') {
    if (node.args === 'request') reads.request = true;
    if (node.args === 'tool') reads.tool = reads.toolArguments = true; // as a whole: with its arguments
    return undefined;
  }
  if (node.op === '.' && node.args[0].op === 'id' && node.args[0].args === 'tool') {
    reads.tool = true;
    if (node.args[1] === 'arguments') reads.toolArguments = true;
    return undefined;
  }
  let depth = loops;
  if (node.op === 'call' || node.op === 'rcall') {
    const refused = REFUSED.get(node.args[0]);
    if (refused) return refused;
    const [, base] = node.op === 'call' ? node.args[1] : [];
    if (base?.op === 'value' && typeof base.args === 'string' && BASES.get(node.args[0])?.(base.args) === false) {
      return `\`${base.args}\` is not in the form that \`${node.args[0]}\` compares with`;
    }
    if (node.op === 'rcall' && LOOPS.has(node.args[0])) depth++;
    if (depth > 1) return 'loops (`exists`, `all`, `map`, `filter`) must not be nested';
  }
  for (const child of children(node)) {
    const refusal = inspect(child, reads, depth);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}
