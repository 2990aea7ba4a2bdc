import type { DenialReason } from '@sallyport/policy';
import { adviceOn } from '../protocol/denial-words.js';
import { TRAIL, troubleOf } from './trouble.js';
import type { Entry, Explained, RefusalOf, Trouble } from './trouble.js';

const TABLE = `${TRAIL} See the table below.`;

/** A user who cannot do anything about a denial reads the same words for every reason. */
const WITHOUT_ADVICE: readonly Entry<RefusalOf<'denied' | 'not-admitted'>>[] = [
  {
    sample: { type: 'denied' },
    because: 'A policy says no, for a reason that nothing the user does would change.',
    fix: TABLE,
  },
  {
    sample: { type: 'not-admitted', reason: 'no_client_to_gateway_policy' },
    because: 'No policy lets this user in through this agent at all.',
    fix: TABLE,
  },
];

/** What the trail says of a denial, and what mends it. */
const DENIED: { readonly [R in DenialReason]: Explained } = {
  no_client_to_gateway_policy: {
    because: 'No policy with `hop: client-to-gateway` lets this user in through this agent.',
    fix: 'See its `users`, `agents` and `trustProviders`.',
  },
  no_gateway_to_server_policy: {
    because: 'No policy for this server is for this user and this agent.',
    fix: 'Add one, or see its `users` and `agents`.',
  },
  tool_not_granted: { because: 'No rule in `tools` matches the tool.', fix: 'Add its name to a `match`.' },
  tool_not_approved: {
    because: 'An administrator approved tools of this server, but not this tool as it is now.',
    fix: 'Look at its definition (`GET /v1/tool-definitions`) and add its digest to `ApprovedTools`.',
  },
  resource_not_granted: { because: 'No rule in `resources` matches the URI.', fix: 'Add it to a `match`.' },
  prompt_not_granted: { because: 'No rule in `prompts` matches the prompt.', fix: 'Add its name to a `match`.' },
  scope_not_entitled: {
    because: "The rule wants a scope that none of the user's roles gives.",
    fix: 'Add the scope to a role of the user, or the user to a role that has it; then connect the agent again.',
  },
  role_missing: {
    because: 'The rule is for roles that the user does not have.',
    fix: 'Add the user to one of these roles, in `members` of the Role.',
  },
  resource_uri_not_normal: { because: 'The URI is not in its normal form.', fix: '[policies](policies.md).' },
  mfa_required: {
    because: 'The policy wants `mfa`, and the sign-in had one factor.',
    fix: 'Sign in again with a second factor; see `amr` of the identity provider.',
  },
  authentication_too_old: {
    because: 'The policy has `maxAuthAge`, and the sign-in is older.',
    fix: 'Sign in again with the agent.',
  },
  source_not_allowed: {
    because: 'The policy has `sourceCidrs`, and the request came from elsewhere.',
    fix: 'Behind a proxy, list it in `SALLYPORT_TRUSTED_PROXIES`.',
  },
  outside_hours: { because: 'The policy has `hours`.', fix: 'Wait, or change them.' },
  expression_false: { because: '`when` of the policy is not true for this call.', fix: 'See the expression.' },
  expression_failed: {
    because: '`when` of the policy could not be evaluated: it reads what is not there.',
    fix: 'Guard it with `has()`.',
  },
  expression_over_budget: {
    because: 'The arguments are longer than the expression may go through.',
    fix: 'Send less, or look at less in `when`.',
  },
  expression_number_inexact: {
    because: 'A number has more digits than the expression can tell apart.',
    fix: 'Send it as text.',
  },
};

const denied = Object.entries(DENIED) as [DenialReason, Explained][];

/** What an agent reads of a denial: advice, where there is any. */
export const deniedTroubles = (): readonly Trouble[] => [
  ...WITHOUT_ADVICE.map(troubleOf),
  ...denied.flatMap(([reason, explained]) => {
    const advice = adviceOn(reason);
    return advice === undefined ? [] : [troubleOf({ ...explained, sample: { type: 'denied', advice } })];
  }),
];

/** What the trail says of a denial: its reason. */
export const trailTroubles = (): readonly Trouble[] =>
  denied.map(([reason, explained]) => ({ words: `\`${reason}\``, ...explained }));
