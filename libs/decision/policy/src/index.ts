/**
 * Who may do what: access policies compiled once per configuration, and one `decide()` for both hops (R22). Pure: no
 * I/O and no clock but the one passed in. Knows tokens only as a `Caller`; where documents come from is
 * `configuration`.
 *
 * `compilePolicies(snapshot)` is cheap to call per request; `decide(policies, caller, { server, action, sourceIp, now
 * })` answers allow (with the only `Permit` there is), deny (with a reason for the trail, never for the caller) or
 * step-up: it examines each policy and picks the first that holds. `examine` alone says of every policy whether it
 * holds. Decisions are remembered per `Caller` object: keep one per verified token. The authorization server asks
 * `decideConnect`, a list asks `serversFor`, `visible` and `visibleTemplate`, the credential service decides again with
 * `{ type: 'lease' }`.
 *
 * How documents read: policies add up, one that holds completely is enough. In `users`, groups or subjects, and one of
 * the roles; in `agents`, client ids or hosts, and the assurance. In one policy every tool rule that matches must hold.
 */
export { isMachine, MACHINES } from './caller.js';
export type { AgentAssurance, Caller } from './caller.js';
export type { ConnectFacts } from './applicable-policies.js';
export { compilePolicies } from './compile-policies.js';
export type { CompiledPolicies } from './compile-policies.js';
export { problemsOfPolicy } from './compile-conditions.js';
export type { PolicyProblem } from './compile-conditions.js';
export { decide, decideConnect } from './decide.js';
export { examine } from './examine.js';
export { personalProvidersFor, serversFor, visible, visibleTemplate } from './listing.js';
export { steadinessOf } from './steady-decisions.js';
export type { Steadiness } from './steady-decisions.js';
export { isApproved } from './approval.js';
export { DEFAULT_DENY } from './decision.js';
export type {
  AccessRequest,
  Action,
  ConnectDecision,
  DecidingPolicies,
  Decision,
  DenialReason,
  Offer,
  ToolFacts,
} from './decision.js';
export type { Permit } from './permit.js';
export { rolesFor, scopesForRoles } from './roles.js';
export type { Membership } from './roles.js';
export { compileClaimsCondition } from './condition/expression.js';
export type { ClaimsCondition } from './condition/expression.js';
export { compileClaimExpression } from './condition/claim-expression.js';
export type { ClaimExpression } from './condition/claim-expression.js';
export { templateDeviation, uriDeviation } from './resource-uri.js';
export type { UriDeviation, UriPart } from './resource-uri.js';
