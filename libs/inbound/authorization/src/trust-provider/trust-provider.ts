import { durationSeconds } from '@sallyport/kernel';
import type { ClaimSource, TrustProviderSpec } from '@sallyport/configuration';
import { compileClaimSource, type ClaimReader } from './claim-source.js';
import { issuerRule, isSharedIssuer, type IssuerRule } from './issuer.js';
import { PRESETS, type Preset } from './presets.js';

/** A trust provider's document with its preset filled in and its expressions compiled. */
export interface TrustProviderRules extends Pick<
  Preset,
  | 'scopesIfOffered'
  | 'emailVerified'
  | 'tenant'
  | 'userInfo'
  | 'assertionAudience'
  | 'freshSignIn'
  | 'offline'
  | 'idTokenAlgorithms'
> {
  readonly issuer: IssuerRule;
  readonly scopes: readonly string[];
  readonly claims: { readonly subject: ClaimReader } & Readonly<Record<OptionalClaim, ClaimReader | undefined>>;
  readonly maxAgeSeconds: number | undefined;
  readonly tokenEndpointAuthMethod: TrustProviderSpec['tokenEndpointAuthMethod'];
}
export interface TrustProviderProblem {
  /** Into the document's spec. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

type OptionalClaim = 'email' | 'name' | 'groups' | 'roles';
const WANTED = { email: 'text', name: 'text', groups: 'texts', roles: 'texts' } as const;
const compiled = new WeakMap<TrustProviderSpec, TrustProviderRules | { invalid: TrustProviderProblem[] }>();

/**
 * Remembered per document. What does not compile signs nobody in; `problemsOfTrustProvider` says so before it is
 * written.
 */
export function trustProviderRules(spec: TrustProviderSpec): TrustProviderRules | { invalid: TrustProviderProblem[] } {
  let rules = compiled.get(spec);
  if (!rules) compiled.set(spec, (rules = compile(spec)));
  return rules;
}

export function problemsOfTrustProvider(spec: TrustProviderSpec): TrustProviderProblem[] {
  const rules = trustProviderRules(spec);
  return 'invalid' in rules ? rules.invalid : [];
}

function compile(spec: TrustProviderSpec): TrustProviderRules | { invalid: TrustProviderProblem[] } {
  const preset = PRESETS[spec.preset ?? 'generic'];
  const invalid: TrustProviderProblem[] = [];
  const say = (path: (string | number)[], message: string) => void invalid.push({ path, message });

  const reader = (
    name: 'subject' | OptionalClaim,
    source: ClaimSource,
    wanted: 'text' | 'texts',
  ): ClaimReader | undefined => {
    const result = compileClaimSource(source, wanted);
    if (!('invalid' in result)) return result;
    say(['claims', name, ...(typeof source === 'string' ? [] : ['cel'])], result.invalid);
    return undefined;
  };
  const optional = (name: OptionalClaim): ClaimReader | undefined => {
    const source = spec.claims?.[name] ?? preset.claims[name];
    return source === false ? undefined : reader(name, source, WANTED[name]);
  };
  const subject = reader('subject', spec.claims?.subject ?? preset.claims.subject, 'text');
  const claims = {
    email: optional('email'),
    name: optional('name'),
    groups: optional('groups'),
    roles: optional('roles'),
  };

  if (preset.issuerPath && !preset.issuerPath.pattern.test(new URL(spec.issuer).pathname))
    say(['issuer'], `is not an issuer of ${spec.preset}: it looks like ${preset.issuerPath.looks}`);
  if (isSharedIssuer(spec) && !spec.allowedTenants)
    say(['allowedTenants'], 'is required for an issuer that every tenant shares: list the tenant ids that may sign in');
  if (spec.allowedTenants && !preset.tenant)
    say(['allowedTenants'], 'is known of entra and google only: use allowedEmailDomains');
  if (spec.scopes && !spec.scopes.includes('openid'))
    say(['scopes'], 'lacks openid, without which there is no ID token: add it');
  checkClientAuthentication(spec, say);
  const maxAge = spec.require?.maxAge;

  if (invalid.length > 0 || !subject) return { invalid };
  return {
    issuer: issuerRule(spec),
    scopes: spec.scopes ?? preset.scopes,
    scopesIfOffered: spec.scopes ? [] : preset.scopesIfOffered,
    claims: { subject, ...claims },
    emailVerified: preset.emailVerified,
    tenant: preset.tenant,
    userInfo: preset.userInfo,
    assertionAudience: preset.assertionAudience,
    freshSignIn: preset.freshSignIn,
    offline: preset.offline,
    idTokenAlgorithms: spec.idTokenAlgorithms ?? preset.idTokenAlgorithms,
    maxAgeSeconds: maxAge === undefined ? undefined : durationSeconds(maxAge),
    tokenEndpointAuthMethod:
      spec.tokenEndpointAuthMethod ?? (spec.clientKey ? 'private_key_jwt' : spec.clientSecret ? undefined : 'none'),
  };
}

function checkClientAuthentication(
  { clientSecret, clientKey, tokenEndpointAuthMethod: method }: TrustProviderSpec,
  say: (path: string[], message: string) => void,
): void {
  if (clientSecret && clientKey) return say(['clientKey'], 'has no place beside clientSecret: keep one of the two');
  if (method === 'private_key_jwt' && !clientKey)
    return say(
      ['clientKey'],
      'is required for private_key_jwt: name where to read the key, as { env: NAME } or { file: path }',
    );
  if (method?.startsWith('client_secret') && !clientSecret)
    return say(
      ['clientSecret'],
      `is required for ${method}: name where to read it, as { env: NAME } or { file: path }`,
    );
  if (clientKey && method !== undefined && method !== 'private_key_jwt')
    return say(['tokenEndpointAuthMethod'], 'must be private_key_jwt for a clientKey');
  if (clientSecret && method !== undefined && !method.startsWith('client_secret'))
    return say(['tokenEndpointAuthMethod'], 'must be client_secret_basic or client_secret_post for a clientSecret');
}
