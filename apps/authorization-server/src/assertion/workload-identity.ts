import { durationSeconds } from '@sallyport/kernel';
import { z } from 'zod';
import { isWorkload } from '@sallyport/authorization';
import type { ConfigurationSnapshot, WorkloadIssuerSpec } from '@sallyport/configuration';
import type { Clock } from '@sallyport/kernel';
import type { ArtifactStore } from '../storage/artifact-store.js';
import type { IssuerKeys } from '@sallyport/access-token/published-keys';
import { isForOneOf, signedClaims, SKEW_SECONDS, timeFailure, type AssertionFailure } from './signed-claims.js';

export type WorkloadVerdict =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly reason: AssertionFailure };

const Claims = z.object({
  iss: z.string().optional(),
  sub: z.string().min(1).max(1024),
  exp: z.int(),
  nbf: z.int().optional(),
  iat: z.int().optional(),
  jti: z.string().min(1).max(512).optional(),
});
/**
 * A JWT of another profile (an access token, an ID-JAG) is no workload's, whoever signed it (RFC 8725 section 3.11).
 */
const TYPES = [undefined, 'jwt', 'jose'];

/**
 * Agents that prove themselves with what their platform issued to them, and have no secret (R5, RFC 7523 section 2.2).
 */
export class WorkloadIdentities {
  readonly #configuration: { snapshot(): ConfigurationSnapshot };
  readonly #keys: IssuerKeys;
  readonly #store: ArtifactStore;
  readonly #audiences: readonly string[];
  readonly #clock: Clock;

  /** @param issuer ours: what a token must be for, unless its issuer's document names something else */
  constructor(parts: {
    configuration: { snapshot(): ConfigurationSnapshot };
    keys: IssuerKeys;
    store: ArtifactStore;
    issuer: string;
    clock: Clock;
  }) {
    this.#configuration = parts.configuration;
    this.#keys = parts.keys;
    this.#store = parts.store;
    this.#audiences = [parts.issuer, `${parts.issuer}/token`];
    this.#clock = parts.clock;
  }

  isWorkload(clientId: string): boolean {
    return this.#configuration.snapshot().get('Agent', clientId)?.spec.authentication.method === 'workload';
  }

  /** @returns undefined for an agent that authenticates in another way */
  async verify(clientId: string, token: string): Promise<WorkloadVerdict | undefined> {
    const snapshot = this.#configuration.snapshot();
    const authentication = snapshot.get('Agent', clientId)?.spec.authentication;
    if (authentication?.method !== 'workload') return undefined;
    const name = authentication.issuer;
    const issuer = snapshot.get('WorkloadIssuer', name)?.spec;
    if (!issuer) return refused('issuer');

    const signed = await signedClaims(token, {
      types: TYPES,
      algorithms: issuer.algorithms,
      keys: this.#keys.of(keySourceOf(issuer)),
    });
    if (!signed.ok) return refused(signed.reason);
    const parsed = Claims.safeParse(signed.claims);
    if (!parsed.success) return refused('claims');
    const claims = parsed.data;
    if (
      issuer.type === 'spiffe'
        ? !claims.sub.startsWith(`spiffe://${issuer.trustDomain}/`)
        : claims.iss !== issuer.issuer
    )
      return refused('issuer');
    if (!isForOneOf(signed.claims['aud'], issuer.audience === undefined ? this.#audiences : [issuer.audience]))
      return refused('audience');
    if (claims.iat === undefined && issuer.type !== 'spiffe') return refused('claims');
    const late = timeFailure(claims, {
      now: this.#clock() / 1000,
      maxLifetime: durationSeconds(issuer.maxLifetime) ?? 0,
    });
    if (late) return refused(late);
    if (!isWorkload(issuer, authentication, signed.claims)) return refused('conditions');
    if (!issuer.singleUse) return { accepted: true };
    if (claims.jti === undefined) return refused('claims');
    const expiresInSeconds = Math.ceil(claims.exp + SKEW_SECONDS - this.#clock() / 1000);
    return (await this.#store.putOnce('WorkloadToken', JSON.stringify([name, claims.jti]), {}, { expiresInSeconds }))
      ? { accepted: true }
      : refused('replayed');
  }
}

const refused = (reason: AssertionFailure): WorkloadVerdict => ({ accepted: false, reason });

const keySourceOf = (issuer: WorkloadIssuerSpec) => ({
  issuer: issuer.type === 'spiffe' ? undefined : issuer.issuer,
  jwksUri: issuer.jwksUri,
  keys: issuer.keys,
  isSpiffeBundle: issuer.type === 'spiffe',
});
