import type { DenialReason } from '@sallyport/policy';

/**
 * What somebody can do about a no of policy, in a sentence; `undefined` where it is nothing, or where a sentence would
 * tell what rules and expressions look at (S15). Only for what the caller may know of: a hidden tool is unknown,
 * whatever the reason.
 */
export function adviceOn(reason: DenialReason): string | undefined {
  switch (reason) {
    case 'mfa_required':
      return (
        'Policy allows this only after a sign-in with a second factor. The user has to sign in again with this ' +
        'agent, and use one.'
      );
    case 'authentication_too_old':
      return (
        'Policy allows this only for some time after a sign-in, and that is over. The user has to sign in ' +
        'again with this agent.'
      );
    case 'source_not_allowed':
      return (
        'Policy does not allow this from the network that the request came from. An administrator can say from ' +
        'which one it does.'
      );
    case 'outside_hours':
      return 'Policy does not allow this at this time. An administrator can say when it does.';
    case 'expression_number_inexact':
      return (
        'The arguments hold a number with more digits than the policy that looks at them can tell apart. Send ' +
        'it with at most 15 significant digits, or as text.'
      );
    case 'no_client_to_gateway_policy':
    case 'no_gateway_to_server_policy':
    case 'tool_not_granted':
    case 'tool_not_approved':
    case 'resource_not_granted':
    case 'prompt_not_granted':
    case 'scope_not_entitled':
    case 'role_missing':
    case 'resource_uri_not_normal':
    case 'expression_false':
    case 'expression_failed':
    case 'expression_over_budget':
      return undefined;
  }
}

/**
 * For an agent that came back without them: it refreshed its token, which brings none, or the user did not allow them.
 */
export const adviceOnScopes = (missing: readonly string[]): string =>
  `${needs(missing)}, which this sign-in does not have. Trying again does not bring it: the user has to sign in anew ` +
  'with this agent and allow it. Most agents do that after they were made to forget this server’s sign-in (log out ' +
  'of it, clear its authentication, or remove and add it).';

/** At the first time: the agent reads what to ask for in the challenge. */
export const scopesAreMissing = (missing: readonly string[]): string =>
  `${needs(missing)}, which the user has not allowed this agent yet. The agent can ask for it; the user is ` +
  'then asked to allow it.';

const needs = (scopes: readonly string[]): string =>
  `This needs the ${scopes.length === 1 ? 'scope' : 'scopes'} ${scopes.join(', ')}`;
