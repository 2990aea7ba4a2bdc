import { createHash } from 'node:crypto';
import {
  agentAssurance,
  agentName,
  assuranceWithKey,
  grantedScopes,
  redirectHost,
  registrationDigest,
  type Shown,
} from '@sallyport/authorization';
import type { AdministratorRole, ConfigurationSnapshot } from '@sallyport/configuration';
import { quotedName } from '@sallyport/kernel';
import type { PendingAuthorization } from '../engine/engine.js';
import type { Admission } from '../entitlement/admission.js';
import { knownScopes } from '../entitlement/known-scopes.js';
import { describeScope } from '../pages/describe-scope.js';
import type { User } from '../storage/users.js';

/** Everything that a person is asked to agree to. */
export interface ConsentQuestion {
  readonly granted: readonly string[];
  readonly withheld: readonly string[];
  readonly scopes: readonly { readonly scope: string; readonly words: readonly string[] }[];
  /** What the agent may do at the admin API as this user; none for agents of the gateway. */
  readonly administers: readonly AdministratorRole[];
  readonly user: { readonly label: string; readonly provider: string };
  /** The same for the form, which is compared with how it is when the form comes back (S35). */
  readonly shown: Shown;
}

/** @param entitled the scopes that the user's roles give, and what they administer as */
export function consentQuestion(
  snapshot: ConfigurationSnapshot,
  pending: PendingAuthorization,
  user: User,
  { scopes: entitled, administers }: Extract<Admission, { admitted: true }>,
): ConsentQuestion {
  const known = knownScopes(snapshot);
  const { granted, withheld } = grantedScopes(pending.requestedScopes, {
    entitled,
    isKnown: (scope) => known.has(scope),
  });
  const provider = snapshot.get('TrustProvider', user.trustProvider)?.spec.displayName ?? user.trustProvider;
  const account = { label: user.email ?? user.name ?? user.subject, provider };
  const scopes = granted.map((scope) => ({ scope, words: describeScope(snapshot, scope) }));
  const shown = {
    form: 'consent',
    ...agentShown(pending),
    user: user.id,
    account: JSON.stringify(account),
    scopes: granted,
    withheld,
    administers,
    abilities: digestOf(scopes.map(({ scope, words }) => JSON.stringify([scope, ...words]))),
  };
  return { granted, withheld, scopes, administers, user: account, shown };
}

/** What the page before the identity provider shows. */
export function signInShown(snapshot: ConfigurationSnapshot, pending: PendingAuthorization): Shown {
  const providers = snapshot.all('TrustProvider');
  return {
    form: 'sign-in',
    ...agentShown(pending),
    providers: providers.map(({ name, spec }) => JSON.stringify([name, spec.issuer, spec.displayName])),
  };
}

/** What the page of a denial shows. */
export const denialShown = (pending: PendingAuthorization): Shown => ({ form: 'denial', ...agentShown(pending) });

function agentShown({ agent, redirectUri, isKeyBound }: PendingAuthorization) {
  return {
    agent: registrationDigest(agent, redirectUri),
    name: quotedName(agentName(agent)),
    answersTo: redirectHost(redirectUri),
    assurance: assuranceWithKey(agentAssurance(agent, redirectUri), isKeyBound),
  };
}

const digestOf = (lines: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(lines)).digest('base64url');
