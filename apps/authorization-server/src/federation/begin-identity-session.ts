import { lastingClaims } from '@sallyport/authorization';
import type { IdentitySession } from '../storage/identity-session.js';
import type { IdentitySessions } from '../storage/identity-sessions.js';
import type { User } from '../storage/users.js';
import { keptTokens } from './identity-rechecks.js';
import type { TrustProvider } from './provider/trust-provider.js';
import type { ProvenSignIn } from './trust-providers.js';

/** Stores a sign-in: the provider's names for it, and the tokens that its document lets us keep. */
export function beginIdentitySession(
  identities: IdentitySessions,
  provider: TrustProvider,
  user: User,
  { claims, tokens }: ProvenSignIn,
): Promise<IdentitySession> {
  const kept = keptTokens(provider, tokens);
  const { sub, sid } = claims.idToken;
  return identities.begin({
    userId: user.id,
    trustProvider: provider.name,
    issuer: provider.spec.issuer,
    subject: String(sub),
    providerSid: typeof sid === 'string' && sid !== '' && sid.length <= 256 ? sid : undefined,
    tokens:
      Object.keys(kept).length === 0 ? undefined : { ...kept, authentication: lastingClaims(provider, claims.idToken) },
  });
}
