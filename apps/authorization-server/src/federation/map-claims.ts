import type { TrustProvider } from './trust-providers.js';
import type { Identity } from '../storage/users.js';

export type MappedIdentity =
  | { readonly accepted: true; readonly identity: Identity; readonly authTime: number | undefined; readonly acr: string | undefined; readonly amr: readonly string[] }
  | { readonly accepted: false; readonly reason: 'subject_missing' | 'email_missing' | 'email_unverified' | 'email_domain_not_allowed' };

const MAX_GROUPS = 512;
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' && value.length <= 512 ? value : undefined);
const texts = (value: unknown): string[] => (Array.isArray(value) ? value : [value]).flatMap((item) => text(item) ?? []);

/** Claims of a verified ID token as one of our humans. The subject is the immutable claim and never the e-mail (S1). */
export function mapClaims(provider: TrustProvider, claims: Readonly<Record<string, unknown>>): MappedIdentity {
  const names = provider.spec.claims;
  const subject = text(claims[names.subject]);
  if (subject === undefined) return { accepted: false, reason: 'subject_missing' };
  const email = text(claims[names.email]);
  const domains = provider.spec.allowedEmailDomains;
  if (domains) {
    if (email === undefined) return { accepted: false, reason: 'email_missing' };
    // Absent at providers that only hold verified addresses; `false` is a statement.
    if (claims['email_verified'] === false || claims['email_verified'] === 'false') return { accepted: false, reason: 'email_unverified' };
    const domain = email.slice(email.lastIndexOf('@') + 1).toLowerCase();
    if (!email.includes('@') || !domains.some((allowed) => allowed.toLowerCase() === domain)) return { accepted: false, reason: 'email_domain_not_allowed' };
  }
  const authTime = claims['auth_time'];
  return {
    accepted: true,
    identity: { trustProvider: provider.name, subject, email, name: text(claims[names.name]), groups: [...new Set(texts(claims[names.groups]))].slice(0, MAX_GROUPS) },
    authTime: typeof authTime === 'number' && Number.isSafeInteger(authTime) && authTime > 0 ? authTime : undefined,
    acr: text(claims['acr']),
    amr: texts(claims['amr']).slice(0, 16),
  };
}
