/** Expressions of policies for whoever writes them: what they can read, and what can never work. */
export { DECLARED_VARIABLES } from './declared-variables.js';
export type { DeclaredMember, DeclaredVariable } from './declared-variables.js';
export { lintExpression } from './lint-expression.js';
export type { ExpressionLint } from './lint-expression.js';
