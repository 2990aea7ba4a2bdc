import { z } from 'zod';
import {
  mapClaims,
  trustProviderRules,
  type MappedIdentity,
  type SignInRefusal,
  type TrustProviderRules,
} from '@sallyport/authorization';
import type { ConfigurationSnapshot, DocumentOf } from '@sallyport/configuration';
import type { Clock } from '@sallyport/kernel';
import type { ArtifactStore } from '../storage/artifact-store.js';
import type { IssuerKeys } from '@sallyport/access-token/published-keys';
import {
  isForOneOf,
  signedClaims,
  SKEW_SECONDS,
  timeFailure,
  unverifiedClaims,
  type AssertionFailure,
} from './signed-claims.js';
import { gatewayNames, withCanonicalResource } from '../engine/resources.js';

/** A human, an agent and what one may do for the other, as an identity provider we trust said (ID-JAG). */
export interface IdentityAssertion {
  readonly mapped: Extract<MappedIdentity, { accepted: true }>;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  /** None where it names none: then it lets the agent in and entitles it to nothing that needs one. */
  readonly scopes: readonly string[];
  /** Uses it up: true for one of all who ever show it, on whatever replica. */
  use(): Promise<boolean>;
}
export type ReadAssertion =
  | { readonly ok: true; readonly assertion: IdentityAssertion }
  | { readonly ok: false; readonly error: 'invalid_grant' | 'invalid_target'; readonly reason: string };

const Claims = z.object({
  iss: z.string().min(1).max(2048),
  sub: z.string().min(1).max(512),
  client_id: z.string().min(1).max(2048),
  jti: z.string().min(1).max(512),
  exp: z.int(),
  iat: z.int(),
  nbf: z.int().optional(),
  scope: z.string().max(4096).optional(),
  cnf: z.unknown().optional(),
});
const Confirmation = z.object({ jkt: z.string() });
/** They are fetched when they are needed; nobody needs one for longer. */
const MAX_LIFETIME_SECONDS = 600;

/**
 * Reads identity assertions (draft-ietf-oauth-identity-assertion-authz-grant section 4.4) of the providers whose
 * documents say that theirs are taken.
 */
export class IdentityAssertions {
  readonly #configuration: { snapshot(): ConfigurationSnapshot };
  readonly #keys: IssuerKeys;
  readonly #store: ArtifactStore;
  readonly #issuer: string;
  readonly #resource: string;
  readonly #clock: Clock;

  constructor(parts: {
    configuration: { snapshot(): ConfigurationSnapshot };
    keys: IssuerKeys;
    store: ArtifactStore;
    issuer: string;
    resource: string;
    clock: Clock;
  }) {
    this.#configuration = parts.configuration;
    this.#keys = parts.keys;
    this.#store = parts.store;
    this.#issuer = parts.issuer;
    this.#resource = parts.resource;
    this.#clock = parts.clock;
  }

  accepted(): boolean {
    return this.#providers().length > 0;
  }

  /**
   * @param clientId of the client that has authenticated
   * @param provenKey thumbprint of the key the request proves (RFC 9449)
   */
  async read(
    token: string,
    { clientId, provenKey }: { clientId: string; provenKey: string | undefined },
  ): Promise<ReadAssertion> {
    const trusted = this.#providerOf(unverifiedClaims(token));
    if (!trusted) return refused('issuer');
    const { provider, rules, issuer } = trusted;
    const source = {
      issuer,
      jwksUri: provider.spec.identityAssertions?.jwksUri,
      keys: provider.spec.identityAssertions?.keys,
      isSpiffeBundle: false,
    };
    const signed = await signedClaims(token, {
      types: ['oauth-id-jag+jwt'],
      algorithms: rules.idTokenAlgorithms,
      keys: this.#keys.of(source),
    });
    if (!signed.ok) return refused(signed.reason);
    const parsed = Claims.safeParse(signed.claims);
    if (!parsed.success) return refused('claims');
    const claims = parsed.data;
    if (!isForOneOf(signed.claims['aud'], [this.#issuer])) return refused('audience');
    const now = this.#clock() / 1000;
    const late = timeFailure(claims, { now, maxLifetime: MAX_LIFETIME_SECONDS });
    if (late) return refused(late);
    if (claims.client_id !== clientId) return refused('another client’s');
    const { clientIds } = provider.spec.identityAssertions ?? {};
    if (clientIds && !clientIds.includes(clientId)) return refused('not taken for this agent');
    if (
      claims.cnf !== undefined &&
      (provenKey === undefined || Confirmation.safeParse(claims.cnf).data?.jkt !== provenKey)
    )
      return refused('proof');
    if (!this.#isForGateway(signed.claims['resource']))
      return { ok: false, error: 'invalid_target', reason: 'identity assertion: resource' };
    const mapped = mapClaims(provider, { idToken: signed.claims }, { now: Math.floor(now) });
    if (!mapped.accepted) return refused(mapped.reason);
    const expiresInSeconds = Math.ceil(claims.exp + SKEW_SECONDS - now);
    const use = () =>
      this.#store.putOnce('IdentityAssertion', JSON.stringify([claims.iss, claims.jti]), {}, { expiresInSeconds });
    return {
      ok: true,
      assertion: {
        mapped,
        issuedAt: claims.iat,
        scopes: claims.scope?.split(' ').filter((scope) => scope !== '') ?? [],
        use,
      },
    };
  }

  /** One resource, by any of its names. */
  #isForGateway(resource: unknown): boolean {
    return withCanonicalResource(resource, gatewayNames(this.#resource)) === this.#resource;
  }

  #providers(): readonly DocumentOf<'TrustProvider'>[] {
    return this.#configuration
      .snapshot()
      .all('TrustProvider')
      .filter(({ spec }) => spec.identityAssertions !== undefined);
  }

  /**
   * Whose keys to try, by what a token says of itself; that is believed once they fit. Two providers of one issuer
   * would make two people of one.
   */
  #providerOf(
    claims: Readonly<Record<string, unknown>>,
  ):
    | { readonly provider: DocumentOf<'TrustProvider'>; readonly rules: TrustProviderRules; readonly issuer: string }
    | undefined {
    const [trusted, ...others] = this.#providers().flatMap((provider) => {
      const rules = trustProviderRules(provider.spec);
      if ('invalid' in rules) return [];
      const issuer = rules.issuer.expected(claims);
      return issuer !== undefined && issuer === claims['iss'] && rules.issuer.covers(issuer)
        ? [{ provider, rules, issuer }]
        : [];
    });
    return others.length === 0 ? trusted : undefined;
  }
}

const refused = (
  reason: AssertionFailure | 'proof' | 'another client’s' | 'not taken for this agent' | SignInRefusal,
): ReadAssertion => ({ ok: false, error: 'invalid_grant', reason: `identity assertion: ${reason}` });
