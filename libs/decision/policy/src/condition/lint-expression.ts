import type { ASTNode } from '@marcbachmann/cel-js';
import { declaredMember, DECLARED_VARIABLES, isDeclared } from './declared-variables.js';
import { compileExpression, ofPolicies } from './expression.js';
import { children, LOOPS } from './meter-expression.js';

/** What is wrong with an expression that compiles: it means something else than its author thinks, whoever asks. */
export interface ExpressionLint {
  /** It can never be as it is written. Each reads after the field's name. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  /** It can only fail for what is no tool, because whichever way it takes, it reads `tool`. */
  readonly needsTool: boolean;
}

const NOTHING: ExpressionLint = { errors: [], warnings: [], needsTool: false };

/** @param source an expression that does not compile has no lint; `compileExpression` says why it does not */
export function lintExpression(source: string): ExpressionLint {
  const compiled = compileExpression(source);
  if ('invalid' in compiled) return NOTHING;
  const { ast } = ofPolicies.parse(source);
  const found: Found = { errors: [], isVaried: false };
  visit(ast, found);
  const needsTool = compiled.reads.tool && failsWithoutTool(ast);
  if (found.isVaried) return { errors: [...new Set(found.errors)], warnings: [], needsTool };
  const answer = compiled.evaluate({ user: {}, agent: {}, tool: {}, request: {} });
  return answer === 'true'
    ? { ...NOTHING, warnings: ['is always true: leave it out, or say in it what must be so'] }
    : {
        ...NOTHING,
        errors: ['is never true, whoever asks: the policy permits nothing. Remove the policy, or mend it'],
      };
}

interface Found {
  readonly errors: string[];
  /** It reads something. */
  isVaried: boolean;
}

function visit(node: ASTNode, found: Found): void {
  if (node.op === 'id') found.isVaried ||= isDeclared(node.args);
  const field = fieldOf(node);
  if (field !== undefined) {
    if (declaredMember(field.variable, field.member) === undefined) found.errors.push(unknownMember(field));
  }
  if (node.op === '==' || node.op === '!=') {
    const [left, right] = node.args;
    compare(left, right, found);
    compare(right, left, found);
  }
  if (node.op === 'in') lookUp(node.args[0], node.args[1], found);
  if (node.op === '&&' && node.args.some((part) => isLiteral(part, false)))
    found.errors.push('is never true: it has `&& false`');
  if (node.op === 'rcall' && LOOPS.has(node.args[0]) && shadows(node.args[2][0])) return visit(node.args[1], found);
  for (const child of children(node)) visit(child, found);
}

/** `||` and `?:` may come to an answer without one of their parts; everything else needs all of them. */
function failsWithoutTool(node: ASTNode): boolean {
  switch (node.op) {
    case '||':
      return node.args.every(failsWithoutTool);
    case '?:': {
      const [condition, one, other] = node.args;
      return failsWithoutTool(condition) || (failsWithoutTool(one) && failsWithoutTool(other));
    }
    case 'call':
      if (node.args[0] === 'has') return false;
      break;
    case 'id':
      return false;
    default:
  }
  return fieldOf(node)?.variable === 'tool' || children(node).some(failsWithoutTool);
}

const isLiteral = (node: ASTNode, value: unknown): boolean => node.op === 'value' && node.args === value;

/** A loop may call its element `user`: what is read of it is another thing then. */
const shadows = (name: ASTNode | undefined): boolean => name?.op === 'id' && isDeclared(name.args);

interface Field {
  readonly variable: keyof typeof DECLARED_VARIABLES;
  readonly member: string;
  readonly text: string;
}

/** `user.groups`, also written `user["groups"]`. */
function fieldOf(node: ASTNode): Field | undefined {
  if (node.op !== '.' && node.op !== '[]') return undefined;
  const [of, key] = node.args;
  const member = typeof key === 'string' ? key : key.op === 'value' && typeof key.args === 'string' ? key.args : '';
  if (of.op !== 'id' || !isDeclared(of.args) || member === '') return undefined;
  return { variable: of.args, member, text: `${of.args}.${member}` };
}

function unknownMember({ variable, member, text }: Field): string {
  const known = Object.keys(DECLARED_VARIABLES[variable]);
  const near = known.find((name) => name.startsWith(member) || member.startsWith(name));
  return (
    `reads \`${text}\`, which is never there: ${near === undefined ? '' : `say \`${variable}.${near}\`, or `}use ` +
    `one of ${known.map((name) => `${variable}.${name}`).join(', ')}`
  );
}

/** A field beside a literal it can never equal. */
function compare(side: ASTNode, other: ASTNode, found: Found): void {
  const field = fieldOf(side);
  const member = field && declaredMember(field.variable, field.member);
  if (field === undefined || member === undefined) return;
  if (member.type === 'list of text' && other.op === 'value')
    found.errors.push(
      `compares \`${field.text}\`, a list, with one value: say ` +
        `\`${typeof other.args === 'string' ? JSON.stringify(other.args) : '"…"'} in ${field.text}\``,
    );
  else if (member.type === 'text') sayImpossible(field, other, found);
  else if (other.op === 'value' && typeof other.args !== 'boolean')
    found.errors.push(`compares \`${field.text}\`, which is ${member.type}, with ${String(other.args)}`);
}

function sayImpossible(field: Field, value: ASTNode, found: Found): void {
  if (value.op === 'list') found.errors.push(`compares \`${field.text}\`, a text, with a list: say \`in\``);
  if (value.op !== 'value') return;
  const values = declaredMember(field.variable, field.member)?.values;
  if (typeof value.args !== 'string')
    found.errors.push(`compares \`${field.text}\`, a text, with ${String(value.args)}: write it in quotes`);
  else if (values !== undefined && !values.includes(value.args))
    found.errors.push(
      `compares \`${field.text}\` with "${value.args}", which it never is: use one of ${values.join(', ')}`,
    );
}

/** `a in b`: a text has nothing in it, and of a list each value is compared. */
function lookUp(needle: ASTNode, holder: ASTNode, found: Found): void {
  const within = fieldOf(holder);
  const member = within && declaredMember(within.variable, within.member);
  if (within !== undefined && member?.type === 'text')
    found.errors.push(
      `looks for something in \`${within.text}\`, a text: say \`${within.text} == …\` or \`.contains(…)\``,
    );
  const field = fieldOf(needle);
  const type = field && declaredMember(field.variable, field.member)?.type;
  if (field !== undefined && type === 'list of text' && holder.op === 'list')
    found.errors.push(
      `looks for \`${field.text}\`, a list, among single values: say \`${field.text}.exists(one, one in […])\``,
    );
  if (field === undefined || type !== 'text' || holder.op !== 'list') return;
  if (holder.args.length === 0) found.errors.push(`looks for \`${field.text}\` in an empty list`);
  for (const value of holder.args) sayImpossible(field, value, found);
}
