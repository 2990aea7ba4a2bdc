import type { ApprovedTool } from '@sallyport/configuration';
import type { CompiledPolicies, PolicySet } from './compile-policies.js';
import { isOfTool } from './decision.js';
import type { Action, Offer, ToolFacts } from './decision.js';

/** Whether the tool is approved as it is now; `undefined` for a server of which no tools are. */
export function isApproved({ set }: CompiledPolicies, server: string, tool: ToolFacts): boolean | undefined {
  return set.approvedTools.has(server)
    ? approvalOf(set, server, { type: 'tool', ...tool }).approved !== undefined
    : undefined;
}

/**
 * Finds what was approved of a tool as it is now. A tool without approval is held back at a server that has approvals.
 */
export function approvalOf(
  set: PolicySet,
  server: string,
  action: Action | Offer,
): { readonly approved?: ApprovedTool | undefined; readonly isHeldBack: boolean } {
  const ofServer = isOfTool(action) ? set.approvedTools.get(server) : undefined;
  if (ofServer === undefined || !isOfTool(action)) return { isHeldBack: false };
  const approved = ofServer.get(action.name)?.find(({ sha256 }) => sha256 === action.definition);
  return { approved, isHeldBack: approved === undefined };
}
