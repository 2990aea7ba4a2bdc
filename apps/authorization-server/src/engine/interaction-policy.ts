import { interactionPolicy, type Client } from 'oidc-provider';
import type { EngineDecisions } from './engine.js';

/** When a human is needed: for a sign-in, and for every authorization of an agent once more to give or confirm consent. */
export function interactionPolicyFor(
  isFirstParty: (client: Client) => boolean,
  decisions: EngineDecisions,
): interactionPolicy.DefaultPolicy {
  const { Check, Prompt, base } = interactionPolicy;
  const policy = base();
  policy.remove('consent');
  policy.get('login')?.checks.add(
    new Check('session_void', 'the session is from before the user was revoked', 'login_required', ({ oidc }) => {
      const { session } = oidc;
      return session?.accountId !== undefined &&
        !oidc.result?.login &&
        decisions.signInVoid(session.accountId, session.loginTs ?? 0)
        ? Check.REQUEST_PROMPT
        : Check.NO_NEED_TO_PROMPT;
    }),
  );
  policy.get('login')?.checks.add(
    new Check('signed_out', 'the sign-in ended', 'login_required', async ({ oidc }) => {
      const { session } = oidc;
      return session?.accountId !== undefined &&
        !oidc.result?.login &&
        (await decisions.signInOfBrowser(session.uid)) === undefined
        ? Check.REQUEST_PROMPT
        : Check.NO_NEED_TO_PROMPT;
    }),
  );
  policy.get('login')?.checks.add(
    new Check('provider_changed', 'the trust provider is another one now', 'login_required', async ({ oidc }) => {
      const { session } = oidc;
      return session?.accountId !== undefined &&
        !oidc.result?.login &&
        !(await decisions.userIsVouchedFor(session.accountId))
        ? Check.REQUEST_PROMPT
        : Check.NO_NEED_TO_PROMPT;
    }),
  );
  policy.add(
    new Prompt(
      { name: 'consent', requestable: true },
      // A page is shown only when there is no consent to remember; the decision is ours, not the engine's.
      new Check('agent_consent', 'the agent needs consent', 'consent_required', ({ oidc }) =>
        oidc.client && !isFirstParty(oidc.client) && !oidc.result?.consent
          ? Check.REQUEST_PROMPT
          : Check.NO_NEED_TO_PROMPT,
      ),
    ),
  );
  return policy;
}
