import { z } from 'zod';
import type { AccessTokenClaims } from './access-token.js';
import { SIGNING_ALGORITHMS } from './published-keys/published-keys.js';
import type { TokenFailure } from './token-failure.js';

/** What a check fails with, and what must hold. */
type Check<T> = readonly [failure: TokenFailure, holds: (checked: T) => boolean];

/** @returns what the first check that does not hold fails with; undefined when all hold */
export function firstFailure<T>(checks: readonly Check<T>[], checked: T): TokenFailure | undefined {
  return checks.find(([, holds]) => !holds(checked))?.[0];
}

/** The prefix of the key ids that sign access tokens, so that a key of another purpose verifies none. */
export const KID_PREFIX = 'at-';
const SKEW_SECONDS = 60;
const ALGORITHMS: ReadonlySet<string> = new Set(SIGNING_ALGORITHMS);

export const Header = z.object({ alg: z.string(), typ: z.string().optional(), kid: z.string().default('') });
export type Header = z.infer<typeof Header>;

/** What the header says, before a key is looked up for it (RFC 9068 section 4, RFC 8725 section 3). */
export const headerChecks: readonly Check<Header>[] = [
  ['type', ({ typ }) => isAccessTokenType(typ)],
  ['algorithm', ({ alg }) => ALGORITHMS.has(alg)],
  ['key_purpose', ({ kid }) => kid.startsWith(KID_PREFIX)],
];

export interface ClaimsInContext {
  readonly claims: AccessTokenClaims;
  readonly issuer: string;
  readonly audience: string;
  /** Seconds since the epoch. */
  readonly now: number;
}

/** What the claims say, once the signature is verified (RFC 9068 section 4). */
export const claimChecks: readonly Check<ClaimsInContext>[] = [
  ['issuer', ({ claims, issuer }) => claims.iss === issuer],
  ['audience', ({ claims, audience }) => claims.aud === audience],
  ['expired', ({ claims, now }) => now < claims.exp + SKEW_SECONDS],
  ['not_yet_valid', ({ claims, now }) => Math.max(claims.iat, claims.nbf ?? 0) <= now + SKEW_SECONDS],
  ['claims', ({ claims: { cnf } }) => cnf === undefined || boundKeyOf(cnf) !== undefined],
];

/** The one confirmation method there is here (RFC 9449 section 6): anything else would be one that nobody checks. */
const Confirmation = z.strictObject({ jkt: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });

/** The thumbprint of the key that a token is bound to. @param cnf the claim of that name */
export const boundKeyOf = (cnf: unknown): string | undefined => Confirmation.safeParse(cnf).data?.jkt;

/** RFC 9068 section 4: `at+jwt`, or with its media type prefix. */
function isAccessTokenType(typ: string | undefined): boolean {
  return typ !== undefined && typ.toLowerCase().replace(/^application\//, '') === 'at+jwt';
}
