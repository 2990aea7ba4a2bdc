import type { DocumentOf } from '@sallyport/configuration';
import type { ClaimReader, Claims } from './claim-source.js';
import { trustProviderRules, type TrustProviderRules } from './trust-provider.js';

type TrustProvider = DocumentOf<'TrustProvider'>;

/**
 * One human at one provider. `issuer` is part of who they are: the provider's name may come to mean another one (S1).
 */
export interface Identity {
  readonly trustProvider: string;
  readonly issuer: string;
  readonly subject: string;
  readonly email: string | undefined;
  readonly name: string | undefined;
  readonly groups: readonly string[];
  readonly providerRoles: readonly string[];
}
export type SignInRefusal =
  | 'provider_invalid'
  | 'subject_missing'
  | 'tenant_not_allowed'
  | 'acr_not_met'
  | 'amr_not_met'
  | 'auth_time_missing'
  | 'auth_too_old'
  | 'email_missing'
  | 'email_unverified'
  | 'email_domain_not_allowed'
  /** The provider has more of them than it sends: what is missing could matter to a policy. */
  | 'groups_incomplete';
export type MappedIdentity =
  | {
      readonly accepted: true;
      readonly identity: Identity;
      readonly authTime: number | undefined;
      readonly acr: string | undefined;
      readonly amr: readonly string[];
    }
  | { readonly accepted: false; readonly reason: SignInRefusal };

export interface ProvenClaims {
  /**
   * Of the verified ID token, whose `iss` was checked: who somebody is, and how they were authenticated, is read here
   * only.
   */
  readonly idToken: Claims;
  /** Of the userinfo endpoint, for the same `sub`. */
  readonly userInfo?: Claims | undefined;
}
export interface SignInMoment {
  /** Seconds since the epoch. */
  readonly now: number;
  /** The user had to be authenticated anew, not before this second. */
  readonly freshSince?: number | undefined;
}

const LASTING = new Set(['iss', 'sub', 'auth_time', 'acr', 'amr']);
const MAX_VALUES = 512;
const SKEW_SECONDS = 60;
/** Neither control characters nor halves of surrogate pairs: what cannot be stored or shown names nobody. */
// oxlint-disable-next-line no-control-regex -- these are exactly what is kept out
const CONTROL = /[\u0000-\u001f\u007f]/;
const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' && value.length <= 512 && !CONTROL.test(value) && value.isWellFormed()
    ? value
    : undefined;
const texts = (value: unknown): string[] => [
  ...new Set((Array.isArray(value) ? value : [value]).flatMap((item) => text(item) ?? [])),
];
const isYes = (value: unknown): boolean => value === true || value === 'true' || value === 1 || value === '1';
const isNo = (value: unknown): boolean => value === false || value === 'false' || value === 0 || value === '0';

/**
 * Reads verified claims as one of our users. The subject is the immutable claim and never the e-mail (S1).
 * @param moment of the sign-in; none when a provider is asked again about somebody who signed in before
 */
export function mapClaims(
  provider: TrustProvider,
  { idToken, userInfo }: ProvenClaims,
  moment?: SignInMoment,
): MappedIdentity {
  const refuse = (reason: SignInRefusal): MappedIdentity => ({ accepted: false, reason });
  const { spec } = provider;
  const rules = trustProviderRules(spec);
  if ('invalid' in rules) return refuse('provider_invalid');
  const all = { ...userInfo, ...idToken };

  const subject = text(rules.claims.subject.read(idToken));
  const issuer = text(idToken['iss']);
  if (subject === undefined || issuer === undefined) return refuse('subject_missing');
  if (!isAllowedTenant(rules, spec.allowedTenants, idToken) || !rules.issuer.covers(issuer))
    return refuse('tenant_not_allowed');

  const acr = text(idToken['acr']);
  const amr = texts(idToken['amr']).slice(0, 16);
  if (spec.require?.acr && !(acr !== undefined && spec.require.acr.includes(acr))) return refuse('acr_not_met');
  if (spec.require?.amr && !spec.require.amr.every((method) => amr.includes(method))) return refuse('amr_not_met');
  const authTime = idToken['auth_time'];
  const authenticatedAt =
    typeof authTime === 'number' && Number.isSafeInteger(authTime) && authTime > 0 ? authTime : undefined;
  const tooOld = moment && ageRefusal(authenticatedAt, rules.maxAgeSeconds, moment);
  if (tooOld) return refuse(tooOld);

  const email = text(rules.claims.email?.read(all));
  if (spec.allowedEmailDomains) {
    if (email === undefined) return refuse('email_missing');
    const verified = isVerified(rules, email, [idToken, userInfo]);
    if (verified !== 'yes' && !(verified === 'unsaid' && spec.emailVerified === 'assumed'))
      return refuse('email_unverified');
    if (!isOfDomain(email, spec.allowedEmailDomains)) return refuse('email_domain_not_allowed');
  }

  const groups = texts(rules.claims.groups?.read(all));
  const providerRoles = texts(rules.claims.roles?.read(all));
  if (
    isLeftOut(rules.claims.groups, all) ||
    isLeftOut(rules.claims.roles, all) ||
    groups.length > MAX_VALUES ||
    providerRoles.length > MAX_VALUES
  )
    return refuse('groups_incomplete');
  return {
    accepted: true,
    identity: {
      trustProvider: provider.name,
      issuer: comparable(issuer),
      subject,
      email,
      name: text(rules.claims.name?.read(all)),
      groups,
      providerRoles,
    },
    authTime: authenticatedAt,
    acr,
    amr,
  };
}

/** A provider that does not say when cannot be believed an age; asked for a fresh sign-in, many do not say. */
function ageRefusal(
  authenticatedAt: number | undefined,
  maxAgeSeconds: number | undefined,
  { now, freshSince }: SignInMoment,
): SignInRefusal | undefined {
  if (authenticatedAt === undefined) return maxAgeSeconds === undefined ? undefined : 'auth_time_missing';
  if (maxAgeSeconds !== undefined && now - authenticatedAt > maxAgeSeconds + SKEW_SECONDS) return 'auth_too_old';
  return freshSince !== undefined && authenticatedAt < freshSince - SKEW_SECONDS ? 'auth_too_old' : undefined;
}

/** Of a sign-in's ID token, what stands for later answers that may leave it out (OpenID Connect Core section 12.2). */
export function lastingClaims(provider: TrustProvider, idToken: Claims): Claims {
  const rules = trustProviderRules(provider.spec);
  if ('invalid' in rules) return {};
  return Object.fromEntries(
    Object.entries(idToken).filter(
      ([name]) => LASTING.has(name) || name === rules.tenant || rules.claims.subject.reads(name),
    ),
  );
}

/** Whether the userinfo endpoint has to be asked for what the ID token leaves out. */
export function needsUserInfo(provider: TrustProvider, idToken: Claims): boolean {
  const rules = trustProviderRules(provider.spec);
  if ('invalid' in rules || !rules.userInfo) return false;
  const { email, name, groups, roles } = rules.claims;
  const isVerifiedMissing =
    provider.spec.allowedEmailDomains !== undefined && idToken[rules.emailVerified] === undefined;
  return (
    isVerifiedMissing ||
    [email, name, groups, roles].some((reader) => reader !== undefined && reader.read(idToken) === undefined)
  );
}

/**
 * Whether what only the userinfo endpoint can say decides something: groups and roles, and the e-mail where its domain
 * does. A name, or an e-mail that nothing depends on, is only shown.
 */
export function dependsOnUserInfo(provider: TrustProvider, idToken: Claims): boolean {
  const rules = trustProviderRules(provider.spec);
  if ('invalid' in rules) return true;
  const { email, groups, roles } = rules.claims;
  const isDomainDecisive = provider.spec.allowedEmailDomains !== undefined;
  if (isDomainDecisive && idToken[rules.emailVerified] === undefined) return true;
  return [...(isDomainDecisive ? [email] : []), groups, roles].some(
    (reader) => reader !== undefined && reader.read(idToken) === undefined,
  );
}

/** Whether the document, as it is now, still lets in a user who signed in earlier. Asked for every token. */
export function vouchesFor(provider: TrustProvider, human: Pick<Identity, 'issuer' | 'email'>): boolean {
  const rules = trustProviderRules(provider.spec);
  if ('invalid' in rules || !rules.issuer.covers(human.issuer)) return false;
  const { allowedEmailDomains } = provider.spec;
  return (
    allowedEmailDomains === undefined || (human.email !== undefined && isOfDomain(human.email, allowedEmailDomains))
  );
}

/** Whether an address was verified. A source that names another address says nothing about this one. */
function isVerified(
  { claims, emailVerified }: TrustProviderRules,
  email: string,
  sources: readonly (Claims | undefined)[],
): 'yes' | 'no' | 'unsaid' {
  const said = sources
    .filter((source) => source !== undefined && claims.email?.read(source) === email)
    .map((source) => source?.[emailVerified]);
  return said.some(isNo) ? 'no' : said.some(isYes) ? 'yes' : 'unsaid';
}

function isAllowedTenant(
  { tenant }: TrustProviderRules,
  allowed: readonly string[] | undefined,
  idToken: Claims,
): boolean {
  if (!allowed) return true;
  const value = tenant === undefined ? undefined : text(idToken[tenant])?.toLowerCase();
  return value !== undefined && allowed.some((name) => name.toLowerCase() === value);
}

function isOfDomain(email: string, domains: readonly string[]): boolean {
  if (!email.includes('@')) return false;
  const domain = email.slice(email.lastIndexOf('@') + 1).toLowerCase();
  return domains.some((allowed) => allowed.toLowerCase() === domain);
}

/**
 * Distributed claims (OpenID Connect Core section 5.6.2): named, but to be fetched elsewhere. Entra ID's overage is
 * one.
 */
function isLeftOut(reader: ClaimReader | undefined, claims: Claims): boolean {
  if (!reader) return false;
  const elsewhere = claims['_claim_names'];
  const names = typeof elsewhere === 'object' && elsewhere !== null ? Object.keys(elsewhere) : [];
  return names.some((name) => reader.reads(name)) || (isYes(claims['hasgroups']) && reader.reads('groups'));
}

/** An issuer with and without its root slash is the same one, as URLs go. */
const comparable = (issuer: string): string => issuer.replace(/^(https?:\/\/[^/]+)\/$/, '$1');
