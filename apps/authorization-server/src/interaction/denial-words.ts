import type { Admission } from '../entitlement/admission.js';

type Reason = Extract<Admission, { admitted: false }>['reason'];

/** What a user reads of a denial: true, useful, and silent about what exists. The trail has the policy. */
export function denialWords(reason: Reason): string {
  switch (reason) {
    case 'mfa_required':
      return 'Connecting needs a sign-in with a second factor. Sign in with one and try again.';
    case 'authentication_too_old':
      return 'Your sign-in is too long ago. Sign in again and try once more.';
    case 'outside_hours':
      return 'Connecting is not allowed at this time of day.';
    case 'source_not_allowed':
      return 'Connecting is not allowed from this network.';
    case 'no_administrator':
      return (
        'You do not administer this gateway, so nothing was granted. An owner can name you in an `Administrators` ' +
        'document; then sign in again.'
      );
    case 'revoked':
      return 'Your access through this agent was revoked.';
    default:
      return 'The rules of this gateway do not let you connect through this agent.';
  }
}

/** A fresh sign-in may change these. */
export function mayFreshSignInHelp(reason: Reason): boolean {
  return reason === 'mfa_required' || reason === 'authentication_too_old' || reason === 'revoked';
}
