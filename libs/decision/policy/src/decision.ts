import type { DecidingPolicies, Permit } from './permit.js';

export type { DecidingPolicies };

/** `name` is the server's own name of the tool, without our prefix. */
export interface ToolFacts {
  readonly name: string;
  /**
   * Digest of its definition as the server lists it now: what was approved of it counts. Without one it is taken for
   * destructive (security rule S14).
   */
  readonly definition?: string | undefined;
}

/** What a server offers by name: what a list shows, and an operation names. */
export type Offer = ({ readonly type: 'tool' } & ToolFacts) | { readonly type: 'prompt'; readonly name: string };

/**
 * - `tool`, `resource`, `prompt`: one operation, with everything that is known about it.
 * - `resource-template`: being told what would fit into a template (RFC 6570); suggestions name resources, so whatever
 *   could be asked of one of them is asked. Expressions see the template as `request.uri`.
 * - `tool-view`: reading the view a tool names (MCP Apps): the tool's own rules and scopes; expressions that look at
 *   its arguments are left to the call.
 * - `task`: following up a task that a call of this tool began, decided as that call. Without the arguments, because
 *   they were too long to keep, expressions that look at them do not hold.
 * - `list-tools`, `list-resources`, `list-prompts`, `connect`: reaching the server without an operation. No scope is
 *   needed; expressions that look at `tool` are left to the operation.
 * - `lease`: the credential service's second look. It knows neither the source address nor the operation, so conditions
 *   on these are the gateway's; users, agents, MFA, authentication age and hours are decided again. `policy` narrows it
 *   to the gateway-to-server policy the gateway decided by.
 */
export type Action =
  | ({
      readonly type: 'tool';
      readonly arguments?: Readonly<Record<string, unknown>> | undefined;
      /**
       * A number in the arguments as they are sent that is not what `arguments` has for it; asked only where a policy
       * looks at them.
       */
      readonly inexactNumber?: (() => string | undefined) | undefined;
    } & ToolFacts)
  | ({ readonly type: 'tool-view' } & ToolFacts)
  | ({ readonly type: 'task'; readonly arguments?: Readonly<Record<string, unknown>> | undefined } & ToolFacts)
  | { readonly type: 'resource'; readonly uri: string }
  | { readonly type: 'resource-template'; readonly uriTemplate: string }
  | { readonly type: 'prompt'; readonly name: string }
  | { readonly type: 'list-tools' }
  | { readonly type: 'list-resources' }
  | { readonly type: 'list-prompts' }
  | { readonly type: 'connect' }
  | { readonly type: 'lease'; readonly policy?: string | undefined };

export interface AccessRequest {
  readonly server: string;
  readonly action: Action;
  /** The agent's address as the gateway saw it; `null` when unknown: then a condition on it fails (but see `lease`). */
  readonly sourceIp: string | null;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** What no administrator allowed: the policy that denies then. Not a document's name, so it cannot be shadowed. */
export const DEFAULT_DENY = 'builtin:default-deny';

export type DenialReason =
  /** Nothing lets this user through this agent come in (or reach this server, or do this). */
  | 'no_client_to_gateway_policy'
  | 'no_gateway_to_server_policy'
  | 'tool_not_granted'
  /** Tools of this server are approved, and this one is not, or was when its definition was another one. */
  | 'tool_not_approved'
  | 'resource_not_granted'
  | 'prompt_not_granted'
  /** The scope is missing and the user's roles do not entitle to it: asking for it would not help. */
  | 'scope_not_entitled'
  | 'role_missing'
  /** Not in its normal form: another reader could take it for another resource (security rule S13). */
  | 'resource_uri_not_normal'
  | 'mfa_required'
  | 'authentication_too_old'
  | 'source_not_allowed'
  | 'outside_hours'
  | 'expression_false'
  | 'expression_failed'
  /** The data it was shown is more than an expression may go through (security rule S29). */
  | 'expression_over_budget'
  /**
   * The arguments hold a number that is another one as a double, which an expression would be shown (security rule
   * S10).
   */
  | 'expression_number_inexact';

export type Decision =
  | {
      readonly outcome: 'allow';
      readonly permit: Permit;
      readonly policies: DecidingPolicies;
      readonly revision: number;
    }
  | {
      readonly outcome: 'deny';
      readonly reason: DenialReason;
      readonly policies: DecidingPolicies;
      readonly revision: number;
    }
  /**
   * Only scopes are missing, and the user's roles entitle to them. `requiredScopes`: all the operation needs (RFC 6750
   * section 3.1).
   */
  | {
      readonly outcome: 'step-up';
      readonly requiredScopes: readonly string[];
      readonly policies: DecidingPolicies;
      readonly revision: number;
    };

export type ConnectDecision =
  | { readonly outcome: 'allow'; readonly policy: string; readonly revision: number }
  | { readonly outcome: 'deny'; readonly reason: DenialReason; readonly policy: string; readonly revision: number };

export const isOfResource = (action: Action): boolean =>
  action.type === 'resource' || action.type === 'resource-template';

export const isOfTool = (action: Action | Offer): action is Extract<Action, { type: 'tool' | 'tool-view' | 'task' }> =>
  action.type === 'tool' || action.type === 'tool-view' || action.type === 'task';
