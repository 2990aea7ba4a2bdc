import type { ApprovedTool } from '@sallyport/configuration';
import type { Applicable } from './applicable-policies.js';
import { approvalOf } from './approval.js';
import type { PolicySet } from './compile-policies.js';
import { DECISION_STEPS, ExpressionBudget } from './condition/expression-budget.js';
import { isOfResource, isOfTool } from './decision.js';
import type { AccessRequest, Action, Offer } from './decision.js';
import type { Circumstances } from './failing-condition.js';

/** The circumstances of one request: conditions hold or fail in them. */
export function circumstancesOf(
  set: PolicySet,
  applicable: Applicable,
  { server, action, sourceIp, now }: AccessRequest,
): Circumstances {
  const isOperation = isOfTool(action) || isOfResource(action) || action.type === 'prompt';
  return {
    isListing: false,
    sourceIp,
    now,
    ignoreSource: action.type === 'lease',
    answers: (reads) =>
      (isOperation && !(action.type === 'tool-view' && reads.toolArguments)) ||
      !(reads.tool || (reads.request && action.type === 'lease')),
    budget: new ExpressionBudget(DECISION_STEPS),
    isInexact: (reads) => action.type === 'tool' && reads.toolArguments && action.inexactNumber?.() !== undefined,
    lacks: (reads) => action.type === 'task' && action.arguments === undefined && reads.toolArguments,
    variables: () => variablesOf(set, applicable, { server, action, sourceIp, now }),
  };
}

/**
 * The circumstances of a list, in which only those expressions fail that no arguments, no time and no network could
 * make true. Every other condition is left to the operation.
 */
export function listingCircumstances(
  set: PolicySet,
  applicable: Applicable,
  server: string,
  action: Action | Offer,
): Circumstances {
  return {
    isListing: true,
    sourceIp: null,
    now: 0,
    ignoreSource: true,
    answers: (reads) => !reads.toolArguments && !reads.request,
    budget: new ExpressionBudget(DECISION_STEPS),
    isInexact: () => false,
    lacks: () => false,
    variables: () => variablesOf(set, applicable, { server, action, sourceIp: null, now: 0 }),
  };
}

function variablesOf(set: PolicySet, applicable: Applicable, { server, action, sourceIp, now }: AccessRequest) {
  return {
    ...applicable.variables,
    tool: isOfTool(action)
      ? {
          name: action.name,
          approved: approvalOf(set, server, action).approved !== undefined,
          annotations: annotationsOf(approvalOf(set, server, action).approved),
          arguments: ('arguments' in action ? action.arguments : undefined) ?? {},
        }
      : {},
    request: { server, ...describe(action), sourceIp: sourceIp ?? '', time: new Date(now) },
  };
}

/** What an expression sees of an action, in `request`. */
function describe(action: Action): { readonly kind: string; readonly name: string; readonly uri: string } {
  const name = 'name' in action ? action.name : '';
  switch (action.type) {
    case 'resource':
      return { kind: 'resource', name, uri: action.uri };
    case 'resource-template':
      return { kind: 'resource', name, uri: action.uriTemplate };
    default:
      return { kind: action.type === 'task' ? 'tool' : action.type, name, uri: '' };
  }
}

/** The defaults of the MCP specification (ToolAnnotations): what is not said is the worst (S14). */
function annotationsOf(approved: ApprovedTool | undefined): Record<string, boolean> {
  const annotations = approved?.annotations;
  return {
    readOnlyHint: annotations?.readOnlyHint ?? false,
    destructiveHint: annotations?.destructiveHint ?? true,
    idempotentHint: annotations?.idempotentHint ?? false,
    openWorldHint: annotations?.openWorldHint ?? true,
  };
}
