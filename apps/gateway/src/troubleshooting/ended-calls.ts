import type { EndReason } from '../protocol/refusal.js';
import { TRAIL, troubleOf } from './trouble.js';
import type { Explained, Trouble } from './trouble.js';

const ENDED: { readonly [R in EndReason]: Explained } = {
  cancelled: { because: 'The agent cancelled the call.', fix: 'Nothing.' },
  session_ended: { because: 'The agent ended its MCP session.', fix: 'Nothing.' },
  gateway_stopping: {
    because: 'The gateway was stopped or restarted.',
    fix: 'Look whether it took effect; then call again.',
  },
  configuration_stale: {
    because: 'The gateway has not heard from the control plane for too long.',
    fix: '`/readyz` of both says more.',
  },
  credential_revoked: {
    because: 'Somebody disconnected the account, or revoked its connection.',
    fix: 'Connect it again.',
  },
  permit_lost: { because: 'Somebody changed a policy while the call ran.', fix: TRAIL },
  token_expired: {
    because: 'A subscription lives as long as its token.',
    fix: 'Agents subscribe again by themselves.',
  },
  token_revoked: {
    because: 'Its user, an administrator or the identity provider ended the sign-in of this agent.',
    fix: 'Sign in again with the agent.',
  },
  token_key_withdrawn: {
    because: 'An administrator withdrew the signing key.',
    fix: 'Agents refresh their token by themselves.',
  },
  token_unknown_key: {
    because: 'The authorization server does not publish the signing key any more.',
    fix: 'Agents refresh their token by themselves.',
  },
};

/** An entry for each reason why the gateway ends a call that runs. */
export const endedTroubles = (): readonly Trouble[] =>
  Object.entries(ENDED).map(([reason, explained]) =>
    troubleOf({ ...explained, sample: { type: 'ended', reason: reason as EndReason } }),
  );
