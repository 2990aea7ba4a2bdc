import type { SignInRefusal } from '@sallyport/authorization';

const NOT_STRONG_ENOUGH =
  'Your identity provider did not authenticate you strongly enough. ' +
  'Sign in again with the second factor your organisation asks for.';

/** What a user reads whom their identity provider confirmed and who is not let in here. */
export const signInRefusalWords: Readonly<Record<SignInRefusal, string>> = {
  provider_invalid: 'This identity provider is not set up correctly. Tell the administrator of this gateway.',
  subject_missing: 'Your identity provider did not say who you are.',
  tenant_not_allowed: 'Accounts of your organisation may not sign in here.',
  acr_not_met: NOT_STRONG_ENOUGH,
  amr_not_met: NOT_STRONG_ENOUGH,
  auth_time_missing:
    'Your identity provider did not say when you signed in, which this gateway needs. Tell its administrator.',
  auth_too_old: 'Your sign-in at your identity provider is too long ago. Sign out there, then try again.',
  groups_incomplete:
    'You are in more groups than your identity provider lists. ' +
    'Tell the administrator of this gateway, who can have it list fewer.',
  email_missing: 'Your identity provider did not share an e-mail address, which this gateway needs.',
  email_unverified: 'Your identity provider has not verified your e-mail address.',
  email_domain_not_allowed: 'Accounts of your e-mail domain may not sign in here.',
};
