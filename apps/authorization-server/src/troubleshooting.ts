import type { SignInRefusal } from '@sallyport/authorization';
import type { DenialReason } from '@sallyport/policy';
import type { UnknownAgent } from './engine/engine.js';
import { signInRefusalWords } from './federation/refusal-words.js';
import { denialWords } from './interaction/denial-words.js';
import { engineErrorPage } from './pages/engine-error-page.js';
import { otherAddressPage, unknownAgentPage } from './pages/unknown-agent-page.js';

/** One entry of `docs/troubleshooting.md`: what somebody reads, why, and what mends it. */
export interface Trouble {
  readonly words: string;
  readonly because: string;
  readonly fix: string;
}
type Explained = Omit<Trouble, 'words'>;

const FORGET = 'Make the agent forget its sign-in and connect again; the page says how for the agents it recognises.';
const UNKNOWN: { readonly [C in UnknownAgent['cause']]: Explained } = {
  'registration-removed': {
    because:
      'The agent registered here, and its registration is gone: nobody used it for some time, others ' +
      'needed the room, or an administrator removed it.',
    fix: FORGET,
  },
  'registered-elsewhere': {
    because: 'The agent shows a registration of another server, or of before this one was set up anew.',
    fix: FORGET,
  },
  'name-unknown': {
    because: 'The agent uses a client id that is not known here, often because it could not register.',
    fix: `${FORGET} Or enter it: an \`Agent\` document.`,
  },
  'document-refused': {
    because:
      'Its metadata document is on a host, or at an address, that is not accepted, is not there any more, or cannot ' +
      'be used.',
    fix: 'The page says why: `metadataDocuments` of `ClientRegistration`, or whoever makes the agent.',
  },
};
const SAMPLES: { readonly [C in UnknownAgent['cause']]: UnknownAgent } = {
  'registration-removed': { cause: 'registration-removed', clientId: 'dcr_1', canRegister: true, registeredAt: 0 },
  'registered-elsewhere': { cause: 'registered-elsewhere', clientId: 'dcr_1', canRegister: true },
  'name-unknown': { cause: 'name-unknown', clientId: 'agent', canRegister: true },
  'document-refused': {
    cause: 'document-refused',
    clientId: 'https://agent.example/client.json',
    reason: '',
    isRule: true,
  },
};

const PROVIDER = "The administrator's move, in the `TrustProvider` document or at the identity provider.";
const SIGN_IN: { readonly [R in SignInRefusal]: Explained } = {
  provider_invalid: {
    because: 'The `TrustProvider` document has an expression or a preset that does not work.',
    fix: PROVIDER,
  },
  subject_missing: { because: 'The ID token has no claim that `claims.subject` names.', fix: PROVIDER },
  tenant_not_allowed: {
    because: 'The tenant is not in `allowedTenants`.',
    fix: 'Sign in with another account; or list the tenant.',
  },
  acr_not_met: {
    because: 'The provider did not confirm an `acr` that `require` wants.',
    fix: 'Sign in with a second factor.',
  },
  amr_not_met: {
    because: 'The provider did not confirm an `amr` that `require` wants.',
    fix: 'Sign in with a second factor.',
  },
  auth_time_missing: {
    because: '`require` limits the age of sign-ins, and the provider does not send `auth_time`.',
    fix: PROVIDER,
  },
  auth_too_old: {
    because: 'The sign-in at the provider is older than `require` allows.',
    fix: 'Sign out there, then sign in again.',
  },
  email_missing: { because: '`allowedEmailDomains` is set, and the provider sends no address.', fix: PROVIDER },
  email_unverified: {
    because: 'The provider does not say that it verified the address.',
    fix: 'Verify it there; or `emailVerified: assumed`, for a provider that holds no others.',
  },
  email_domain_not_allowed: {
    because: 'The domain is not in `allowedEmailDomains`.',
    fix: 'Sign in with another account; or list the domain.',
  },
  groups_incomplete: {
    because: 'The provider lists only some of many groups.',
    fix: 'Have it list those that matter: [identity providers](identity-providers.md).',
  },
};

/** Where a person reads why policy lets no agent act for them; other reasons have one sentence. */
const DENIED: {
  readonly [
    R in
      | Extract<
          DenialReason,
          | 'mfa_required'
          | 'authentication_too_old'
          | 'outside_hours'
          | 'source_not_allowed'
          | 'no_client_to_gateway_policy'
        >
      | 'revoked'
  ]: Explained;
} = {
  mfa_required: { because: 'The policy has `mfa: true`.', fix: 'Sign in with a second factor.' },
  authentication_too_old: { because: 'The policy has `maxAuthAge`.', fix: 'Sign in again.' },
  outside_hours: { because: 'The policy has `hours`.', fix: 'Wait, or ask the administrator.' },
  source_not_allowed: {
    because: 'The policy has `sourceCidrs`.',
    fix: 'Connect from another network. Behind a proxy, list it in `SALLYPORT_TRUSTED_PROXIES`.',
  },
  revoked: {
    because: 'The user, the agent or this sign-in was revoked.',
    fix: 'Sign in again; if the page stays, an administrator blocked it.',
  },
  no_client_to_gateway_policy: {
    because: 'No policy with `hop: client-to-gateway` lets this user in through this agent.',
    fix: 'The event of the refusal names the policy that came closest; see its `users`, `agents` and `trustProviders`.',
  },
};

const page = (words: string, because: string, fix: string): Trouble => ({ words, because, fix });
const entriesOf = <K extends string>(
  explained: Readonly<Record<K, Explained>>,
  wordsOf: (key: K) => string,
): Trouble[] => (Object.keys(explained) as K[]).map((key) => ({ words: wordsOf(key), ...explained[key] }));

/** What people read on pages while an agent is connected. */
export function signInTroubles(): readonly Trouble[] {
  const engine = (error: string) => engineErrorPage({ error }).title;
  return [
    ...entriesOf(UNKNOWN, (cause) => unknownAgentPage(SAMPLES[cause], { redirectUri: undefined, detail: '' }).title),
    page(
      otherAddressPage('https://agent.example/callback', '').title,
      'The agent wants its answer at an address that it did not register.',
      `${FORGET} If it happens again, list the address in \`redirectHosts\` of \`ClientRegistration\`.`,
    ),
    page(
      engine('invalid_request'),
      'The agent asked for something that this server does not do; the line below says what.',
      'Whoever makes the agent has to mend it.',
    ),
    page(
      engine('temporarily_unavailable'),
      'More requests came in a minute than `limits` of the `AuthorizationServer` document allow.',
      'Wait a minute. Behind a proxy that is not listed, everybody has one address: `SALLYPORT_TRUSTED_PROXIES`.',
    ),
    page(engine('server_error'), 'Something broke.', 'The log of the authorization server has it.'),
    ...entriesOf(SIGN_IN, (reason) => signInRefusalWords[reason]),
    page(
      '… cannot be used now: …',
      'The identity provider is away, or refuses this gateway as its client; the words say which.',
      'Try again. The log says once when it goes and when it is back, with the reason.',
    ),
    ...entriesOf(DENIED, (reason) => denialWords(reason)),
  ];
}
