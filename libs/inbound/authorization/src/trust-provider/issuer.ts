import type { TrustProviderSpec } from '@sallyport/configuration';
import type { Claims } from './claim-source.js';

/** Which issuers a provider stands for: one, or every tenant's where one set of metadata is shared (Entra ID). */
export interface IssuerRule {
  /** Where the metadata is, by OpenID Connect Discovery section 4. */
  readonly discovery: URL;
  /** What the metadata must say where that is no issuer itself. */
  readonly template: string | undefined;
  /** What `iss` of these claims must be; undefined when no issuer could have made them. */
  expected(claims: Claims): string | undefined;
  /** Whether a user who signed in at this issuer did so at this provider. */
  covers(issuer: string): boolean;
}

const TENANT = '{tenantid}';
const TENANT_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const SHARED_PATH = /^\/(organizations|common|consumers|%7Btenantid%7D)\/v2\.0$/i;

/** Whether every tenant shares this issuer, so that the allowed ones have to be listed. */
export const isSharedIssuer = ({ preset, issuer }: Pick<TrustProviderSpec, 'preset' | 'issuer'>): boolean =>
  preset === 'entra' && SHARED_PATH.test(URL.parse(issuer)?.pathname ?? '');

export function issuerRule(spec: Pick<TrustProviderSpec, 'preset' | 'issuer' | 'allowedTenants'>): IssuerRule {
  const url = new URL(spec.issuer);
  if (!isSharedIssuer(spec)) {
    return {
      discovery: url,
      template: undefined,
      expected: () => spec.issuer,
      covers: (issuer) => URL.parse(issuer)?.href === url.href,
    };
  }
  const template = `${url.origin}/${TENANT}/v2.0`;
  const [before = '', after = ''] = template.split(TENANT);
  const covers = (issuer: string) =>
    issuer.startsWith(before) &&
    issuer.endsWith(after) &&
    mayBeTenant(spec, issuer.slice(before.length, issuer.length - after.length));
  return {
    discovery: new URL(/%7Btenantid%7D/i.test(url.pathname) ? `${url.origin}/organizations/v2.0` : url),
    template,
    expected: ({ tid }) => (typeof tid === 'string' && TENANT_ID.test(tid) ? template.replace(TENANT, tid) : undefined),
    covers,
  };
}

/** At a shared issuer, only a listed tenant is allowed. */
function mayBeTenant({ allowedTenants }: Pick<TrustProviderSpec, 'allowedTenants'>, tenant: string): boolean {
  return (
    TENANT_ID.test(tenant) &&
    allowedTenants !== undefined &&
    allowedTenants.some((allowed) => allowed.toLowerCase() === tenant.toLowerCase())
  );
}
