import { interactionPolicy, type Configuration, type Session } from 'oidc-provider';
import { isFirstParty } from '../client-metadata.js';
import type { EngineDecisions } from '../engine.js';

type Decisions = Pick<EngineDecisions, 'signInVoid' | 'signInOfBrowser' | 'userIsVouchedFor'>;

/** When a person is needed: to sign in, and at every authorization of an agent to give or confirm their consent. */
export function interactions(decisions: Decisions) {
  const { Check, Prompt, base } = interactionPolicy;
  const policy = base();
  policy.remove('consent');
  for (const { reason, description, isVoid } of voidSessions(decisions))
    policy.get('login')?.checks.add(
      new Check(reason, description, 'login_required', async ({ oidc: { session, result } }) => {
        if (session?.accountId === undefined || result?.login) return Check.NO_NEED_TO_PROMPT;
        return (await isVoid(session, session.accountId)) ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT;
      }),
    );
  policy.add(
    new Prompt(
      { name: 'consent', requestable: true },
      // Always asked of us: we decide whether the consent page is shown or an earlier consent holds.
      new Check('agent_consent', 'the agent needs consent', 'consent_required', ({ oidc: { client, result } }) =>
        client && !isFirstParty(client) && !result?.consent ? Check.REQUEST_PROMPT : Check.NO_NEED_TO_PROMPT,
      ),
    ),
  );
  return {
    interactions: { policy, url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  } satisfies Configuration;
}

interface VoidSession {
  readonly reason: string;
  readonly description: string;
  readonly isVoid: (session: Session, userId: string) => boolean | Promise<boolean>;
}

/** Why a browser session that there is does not count, so that its user signs in again. */
const voidSessions = (decisions: Decisions): readonly VoidSession[] => [
  {
    reason: 'session_void',
    description: 'the session is from before the user was revoked',
    isVoid: ({ loginTs = 0 }, userId) => decisions.signInVoid(userId, loginTs),
  },
  {
    reason: 'signed_out',
    description: 'the sign-in ended',
    isVoid: async ({ uid }) => (await decisions.signInOfBrowser(uid)) === undefined,
  },
  {
    reason: 'provider_changed',
    description: 'the trust provider is another one now',
    isVoid: async (_session, userId) => !(await decisions.userIsVouchedFor(userId)),
  },
];
