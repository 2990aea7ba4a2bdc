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
    because: 'The gateway has had no sign of life of the control plane for too long.',
    fix: '`/readyz` of both says more.',
  },
  credential_revoked: { because: 'The account was disconnected, or its connection revoked.', fix: 'Connect it again.' },
  permit_lost: { because: 'A policy was changed while it ran.', fix: TRAIL },
  token_expired: {
    because: 'A subscription lives as long as its token.',
    fix: 'Agents subscribe again by themselves.',
  },
  token_revoked: {
    because: 'The sign-in of this agent was ended: by its user, an administrator or the identity provider.',
    fix: 'Sign in again with the agent.',
  },
  token_key_withdrawn: { because: 'A signing key was withdrawn.', fix: 'Agents refresh their token by themselves.' },
  token_unknown_key: {
    because: 'A signing key is not published any more.',
    fix: 'Agents refresh their token by themselves.',
  },
};

/** An entry for each reason why the gateway ends a call that runs. */
export const endedTroubles = (): readonly Trouble[] =>
  Object.entries(ENDED).map(([reason, explained]) =>
    troubleOf({ ...explained, sample: { type: 'ended', reason: reason as EndReason } }),
  );
