import type { ASTNode, Environment, ParseResult } from '@marcbachmann/cel-js';
import type { ExpressionBudget } from './expression-budget.js';

/** To run one part. */
const PART_STEPS = 4;
/** To make an error and catch it again. */
const ERROR_STEPS = 500;
/** Time zones are looked up by the platform's calendar. */
const TIME_ZONE_STEPS = 2_000;
/** Of a duration, searched with a regular expression, and of a time zone, which an error repeats. */
const MAX_NAME_LENGTH = 64;
/** Loops of CEL; each runs its predicate or transformation once an element. */
export const LOOPS: ReadonlySet<string> = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/**
 * How the engine runs: each part of an expression through `run`, and through `tryEval` where a failure may not count.
 */
interface Evaluator {
  run(node: Part, context: unknown): unknown;
  tryEval(node: Part, context: unknown): unknown;
}

/** A node as the engine runs it. `handle` gets the operands, in its own order, when they are known. */
interface Part {
  readonly op: string;
  evaluate(evaluator: Evaluator, node: Part, context: unknown): unknown;
  handle?: ((this: Part, ...operands: unknown[]) => unknown) | undefined;
  mustBeBool?: boolean;
}

const metered = new WeakSet<Environment>();
let budget: ExpressionBudget | undefined;

/**
 * An expression that spends the budget it is run with. The engine has no budget of its own: each part it runs, each
 * operand before its operation, and each error that is caught on the way is charged here.
 * @throws OverBudget through everything that catches errors (`||`, `&&`, `exists`, `all`)
 */
export function meterExpression(
  environment: Environment,
  program: ParseResult,
): (variables: object, budget: ExpressionBudget) => unknown {
  meterEvaluator(environment);
  meterParts(program.ast);
  return (variables, steps) => {
    budget = steps;
    try {
      return program({ ...variables });
    } finally {
      budget = undefined;
    }
  };
}

/** One evaluator serves all expressions of an environment. */
function meterEvaluator(environment: Environment): void {
  if (metered.has(environment)) return;
  const evaluator = evaluatorOf(environment);
  evaluator.run = (node, context) => {
    budget?.spend(PART_STEPS);
    const value = node.evaluate(evaluator, node, context);
    if (node.mustBeBool === true && typeof value !== 'boolean') throw new TypeError('must be true or false');
    return value;
  };
  evaluator.tryEval = (node, context) => {
    try {
      return evaluator.run(node, context);
    } catch (error) {
      budget?.spend(ERROR_STEPS); // what is over stays over: this throws
      return error;
    }
  };
  metered.add(environment);
}

/** Handed to whatever is evaluated: there is no other way to it. */
function evaluatorOf(environment: Environment): Evaluator {
  let evaluator: Evaluator | undefined;
  const probe = environment.parse('true');
  partOf(probe.ast).evaluate = (given) => {
    evaluator = given;
    return true;
  };
  probe();
  if (evaluator === undefined) throw new UnknownEngine();
  return evaluator;
}

/** What the engine makes of a node, which its types do not tell. */
function partOf(node: object): Part {
  if (!isPart(node)) throw new UnknownEngine();
  return node;
}

const isPart = (node: object): node is Part =>
  'op' in node && 'evaluate' in node && typeof node.evaluate === 'function';

class UnknownEngine extends Error {
  constructor() {
    super('the expression engine runs in another way than the budget expects');
  }
}

function meterParts(node: ASTNode): void {
  const part = partOf(node);
  const { handle } = part;
  const charge = chargeOf(node);
  if (handle !== undefined && charge !== undefined) {
    part.handle = function (...operands) {
      if (budget !== undefined) charge(budget, operands);
      return handle.apply(this, operands);
    };
  }
  for (const operand of truths(node)) partOf(operand).mustBeBool = true;
  children(node).forEach(meterParts);
}

/**
 * Operands that must be true or false. The engine would describe any other, which takes as long as listing what it
 * holds.
 */
function truths(node: ASTNode): ASTNode[] {
  switch (node.op) {
    case '||':
    case '&&':
      return [...node.args];
    case '!_':
      return [node.args];
    case '?:':
      return [node.args[0]];
    case 'rcall': {
      const [name, , [, predicate, transformation]] = node.args;
      return LOOPS.has(name) && predicate && (name !== 'map' || transformation) ? [predicate] : [];
    }
    default:
      return [];
  }
}

type Charge = (budget: ExpressionBudget, operands: readonly unknown[]) => void;

function chargeOf(node: ASTNode): Charge | undefined {
  switch (node.op) {
    case '==':
    case '!=':
    case 'in':
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return (steps, [left, right]) => steps.spend(steps.sizeOf(left) + steps.sizeOf(right));
    case '[]':
      return (steps, [, key]) => steps.spend(steps.sizeOf(key));
    case '-_':
      return (steps, [operand]) => steps.spend(steps.sizeOf(operand));
    case 'call':
    case 'rcall': {
      const name = node.args[0];
      return (steps, [operands]) => {
        if (!Array.isArray(operands)) return;
        for (const operand of operands) steps.spend(steps.sizeOf(operand));
        steps.spend(callSteps(name, operands));
      };
    }
    default:
      return undefined;
  }
}

/** What a function costs beyond a look at each operand. */
function callSteps(name: string, [first, second]: readonly unknown[]): number {
  if (first instanceof Date && second === undefined) return 1;
  if (first instanceof Date) return lengthOf(second) > MAX_NAME_LENGTH ? Infinity : TIME_ZONE_STEPS;
  const length = lengthOf(first);
  switch (name) {
    case 'contains':
    case 'indexOf':
    case 'lastIndexOf':
      return (length * lengthOf(second)) / 128;
    case 'split': // each piece is made
      return (length * lengthOf(second)) / 128 + length;
    case 'glob':
      return lengthOf(second) + (length * (1 + lengthOf(second))) / 128;
    case 'duration':
      return length > MAX_NAME_LENGTH ? Infinity : length;
    case 'uriWithin':
    case 'isNormalUri':
    case 'pathWithin':
    case 'isPlainPath': // read several times over, decoded among them
      return 100 + 2 * length + lengthOf(second);
    default: // each character is looked at, not only copied
      return length / 8;
  }
}

const lengthOf = (value: unknown): number =>
  typeof value === 'string' || value instanceof Uint8Array ? value.length : 0;

/** The nodes an expression's node was written with. */
export function children(node: ASTNode): ASTNode[] {
  const found: ASTNode[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === 'object' && value !== null && 'op' in value && 'args' in value)
      found.push(value as ASTNode);
  };
  visit(node.args);
  return found;
}
