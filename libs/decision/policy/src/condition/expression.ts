import { Environment } from '@marcbachmann/cel-js';
import type { ASTNode } from '@marcbachmann/cel-js';
import { compileGlob } from './glob.js';

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

export interface Expression {
  readonly reads: ExpressionReads;
  /** `failed`: it did not come to a boolean (a field is missing, types do not fit). Whoever asks must deny. */
  evaluate(variables: ExpressionVariables): 'true' | 'false' | 'failed';
}

const environmentOf = (...variables: readonly string[]): Environment =>
  variables.reduce((environment, name) => environment.registerVariable(name, 'map'), new Environment({ homogeneousAggregateLiterals: false, limits: { maxAstNodes: 500, maxDepth: 32, maxListElements: 256, maxMapEntries: 64, maxCallArguments: 8 } }))
    .registerFunction('string.glob(string): bool', (text: string, pattern: string) => compileGlob(pattern)(text));

const ofPolicies = environmentOf('user', 'agent', 'tool', 'request');
/** Over the claims of a token. */
export const ofClaims = environmentOf('claims');

const LOOPS = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
/** A regular expression on an agent's text has no cost bound in JavaScript (security rule S29). */
const REFUSED = new Map([['matches', 'regular expressions are not allowed: use `glob`, `startsWith`, `endsWith` or `contains`']]);

/**
 * CEL with a bounded cost (security rule S29): length and size are limited, loops do not nest, there are no regular
 * expressions; `text.glob("a*")` is there instead. @returns what is wrong, else the expression
 */
export function compileExpression(source: string): Expression | { invalid: string } {
  return compile<ExpressionVariables>(ofPolicies, source);
}

/** The same language over the claims of a token that was verified. Whoever asks must refuse all but `true`. */
export interface ClaimsCondition {
  evaluate(variables: { readonly claims: Readonly<Record<string, unknown>> }): 'true' | 'false' | 'failed';
}
export function compileClaimsCondition(source: string): ClaimsCondition | { invalid: string } {
  return compile<{ readonly claims: Readonly<Record<string, unknown>> }>(ofClaims, source);
}

function compile<V extends object>(environment: Environment, source: string): { reads: ExpressionReads; evaluate(variables: V): 'true' | 'false' | 'failed' } | { invalid: string } {
  const checked = environment.check(source);
  if (!checked.valid) return { invalid: (checked.error?.message ?? 'is not a CEL expression').split('\n', 1)[0] ?? '' };
  if (checked.type !== 'bool' && checked.type !== 'dyn') return { invalid: `must be true or false, not ${checked.type}` };
  const program = environment.parse(source);
  const reads = { tool: false, toolArguments: false, request: false };
  const refusal = costRefusal(program.ast, reads);
  if (refusal !== undefined) return { invalid: refusal };
  return {
    reads,
    evaluate: (variables) => {
      try {
        const value: unknown = program({ ...variables });
        return value === true ? 'true' : value === false ? 'false' : 'failed';
      } catch {
        return 'failed'; // an evaluation error is an answer: it denies
      }
    },
  };
}

/** Why an expression has no cost bound (security rule S29); undefined when it has one. Notes what is read. */
export function costRefusal(ast: ASTNode, reads = { tool: false, toolArguments: false, request: false }): string | undefined {
  return inspect(ast, reads, 0);
}

/** Notes what is read; returns why the expression is refused. */
function inspect(node: ASTNode, reads: { tool: boolean; toolArguments: boolean; request: boolean }, loops: number): string | undefined {
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
    if (node.op === 'rcall' && LOOPS.has(node.args[0])) depth++;
    if (depth > 1) return 'loops (`exists`, `all`, `map`, `filter`) must not be nested';
  }
  for (const child of children(node)) {
    const refusal = inspect(child, reads, depth);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

function children(node: ASTNode): ASTNode[] {
  const found: ASTNode[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === 'object' && value !== null && 'op' in value && 'args' in value) found.push(value as ASTNode);
  };
  visit(node.args);
  return found;
}
