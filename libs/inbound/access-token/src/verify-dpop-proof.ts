import { createHash } from 'node:crypto';
import { compactVerify, errors, importJWK } from 'jose';
import type { CryptoKey } from 'jose';
import { z } from 'zod';
import { BoundedMap } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import { PROOF_ID, type SeenProofs } from './proof-memory.js';

/** What both our servers accept in a proof: asymmetric, and no PKCS #1 v1.5 (the choice of FAPI 2.0). */
export const DPOP_ALGORITHMS = ['ES256', 'EdDSA', 'Ed25519', 'PS256'] as const;
type Algorithm = (typeof DPOP_ALGORITHMS)[number];

export type ProofFailure =
  | 'proof_missing'
  | 'proof_repeated'
  | 'proof_too_large'
  | 'proof_malformed'
  | 'proof_algorithm'
  | 'proof_private_key'
  | 'proof_key'
  | 'proof_signature'
  | 'proof_method'
  | 'proof_url'
  | 'proof_token'
  | 'proof_time'
  | 'proof_replayed'
  /**
   * Nothing is wrong with the proof, but there is no room to remember it: of this user, or key, there are too many.
   * Answer "try again".
   */
  | 'proof_share_full'
  /** The same, whoever's it is. */
  | 'proof_memory_full';

/** A verified token, of whom it is, and the thumbprint of the key it is bound to. */
export interface BoundToken {
  readonly token: string;
  readonly userId: string;
  readonly boundTo: string;
}

/** How a token was presented (RFC 9449 section 7). */
export interface Presentation {
  /** The value of the `DPoP` header. */
  readonly proof: string | undefined;
  /** There were several: as bad as none (RFC 9449 section 4.3). */
  readonly isProofRepeated: boolean;
  /** The HTTP method. */
  readonly method: string;
  /** The URL as configuration names it, without query; never what a Host header says (S7). */
  readonly url: string;
}

/** A proof is good this long before and after the moment it names; the skew of tokens (S5). */
export const PROOF_WINDOW_SECONDS = 60;
const MAX_PROOF_LENGTH = 4_096;
const MAX_KEYS = 1_000;

const encoded = (min: number, max: number) =>
  z
    .string()
    .regex(/^[A-Za-z0-9_-]+$/)
    .min(min)
    .max(max);
/** RFC 7638: exactly the members a thumbprint is made of. RSA from 2048 to 4096 bits. */
const PublicKey = z.discriminatedUnion('kty', [
  z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: encoded(43, 43), y: encoded(43, 43) }),
  z.object({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), x: encoded(43, 43) }),
  z.object({ kty: z.literal('RSA'), n: encoded(342, 683), e: encoded(2, 6) }),
]);
type PublicKey = z.infer<typeof PublicKey>;
const Header = z.object({
  typ: z.literal('dpop+jwt'),
  alg: z.string(),
  jwk: z.record(z.string(), z.unknown()),
  crit: z.undefined().optional(),
});
const Claims = z.object({
  jti: z.string().min(1).max(512),
  htm: z.string(),
  htu: z.string().max(2_048),
  iat: z.number(),
  ath: z.string().optional(),
  exp: z.number().optional(),
  nbf: z.number().optional(),
});

const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];

/**
 * Checks one proof of possession (RFC 9449 section 4.3), anew for every request: a result is never remembered (security
 * rule S7), only the parsed public key is.
 * @returns for a token and the thumbprint it is bound to, why the presentation proves nothing; `undefined` when it does
 */
export function createProofVerifier({
  clock,
  seen,
}: {
  clock: Clock;
  seen: SeenProofs;
}): (token: BoundToken, presentation: Presentation) => Promise<ProofFailure | undefined> {
  const keys = new BoundedMap<string, CryptoKey>(MAX_KEYS);

  async function keyOf(jwk: PublicKey, algorithm: Algorithm, thumbprint: string): Promise<CryptoKey | undefined> {
    const name = `${algorithm} ${thumbprint}`;
    const known = keys.get(name);
    if (known !== undefined) return known;
    try {
      const key = await importJWK({ ...jwk }, algorithm);
      if (key instanceof Uint8Array) return undefined;
      keys.set(name, key);
      return key;
    } catch {
      return undefined; // a point off the curve, or a key the algorithm is not for
    }
  }

  return async ({ token, userId, boundTo }, { proof, isProofRepeated, method, url }) => {
    if (proof === undefined || proof === '') return 'proof_missing';
    if (isProofRepeated) return 'proof_repeated';
    if (proof.length > MAX_PROOF_LENGTH) return 'proof_too_large';
    const header = Header.safeParse(headerOf(proof)).data;
    if (header === undefined) return 'proof_malformed';
    const algorithm = DPOP_ALGORITHMS.find((name) => name === header.alg);
    if (algorithm === undefined) return 'proof_algorithm';
    if (PRIVATE.some((member) => member in header.jwk)) return 'proof_private_key';
    const jwk = PublicKey.safeParse(header.jwk).data;
    if (jwk === undefined) return 'proof_malformed';
    const thumbprint = thumbprintOf(jwk);
    if (thumbprint !== boundTo) return 'proof_key';
    const key = await keyOf(jwk, algorithm, thumbprint);
    if (key === undefined) return 'proof_malformed';

    let payload: unknown;
    try {
      payload = JSON.parse(
        new TextDecoder('utf-8', { fatal: true }).decode(
          (await compactVerify(proof, key, { algorithms: [algorithm] })).payload,
        ),
      );
    } catch (error) {
      return error instanceof errors.JWSSignatureVerificationFailed ? 'proof_signature' : 'proof_malformed';
    }
    const claims = Claims.safeParse(payload).data;
    if (claims === undefined) return 'proof_malformed';
    if (claims.htm !== method) return 'proof_method';
    if (!isSameUrl(claims.htu, url)) return 'proof_url';
    if (claims.ath !== createHash('sha256').update(token).digest('base64url')) return 'proof_token';
    const now = clock() / 1000;
    const isTimely =
      Math.abs(now - claims.iat) <= PROOF_WINDOW_SECONDS &&
      claims.iat >= seen.since &&
      (claims.exp === undefined || now < claims.exp + PROOF_WINDOW_SECONDS) &&
      (claims.nbf ?? 0) <= now + PROOF_WINDOW_SECONDS;
    if (!isTimely) return 'proof_time';
    switch (seen.claim(proofId(userId, thumbprint, claims.jti), Math.ceil(claims.iat) + PROOF_WINDOW_SECONDS)) {
      case 'new':
        return undefined;
      case 'seen':
        return 'proof_replayed';
      case 'own':
        return 'proof_share_full';
      case 'full':
        return 'proof_memory_full';
    }
  };
}

function headerOf(proof: string): unknown {
  const [header, payload, signature, rest] = proof.split('.');
  if (!header || !payload || !signature || rest !== undefined) return undefined;
  try {
    return JSON.parse(Buffer.from(header, 'base64url').toString('utf8'));
  } catch {
    return undefined; // not JSON, so not a JWS
  }
}

/** RFC 7638, whose members come in this order. */
function thumbprintOf(jwk: PublicKey): string {
  const members =
    jwk.kty === 'EC'
      ? { crv: jwk.crv, kty: jwk.kty, x: jwk.x, y: jwk.y }
      : jwk.kty === 'OKP'
        ? { crv: jwk.crv, kty: jwk.kty, x: jwk.x }
        : { e: jwk.e, kty: jwk.kty, n: jwk.n };
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url');
}

/** RFC 9449 section 4.3: without query and fragment, in normal form (RFC 3986 section 6.2). */
function isSameUrl(htu: string, expected: string): boolean {
  const named = URL.parse(htu);
  if (named === null) return false;
  named.search = '';
  named.hash = '';
  return named.href === new URL(expected).href;
}

/** Two keys may use one `jti`, and what is remembered has one size and says whose it is. */
function proofId(userId: string, thumbprint: string, jti: string): string {
  const digest = (...values: string[]) => createHash('sha256').update(JSON.stringify(values)).digest('base64url');
  return (
    digest(userId).slice(0, PROOF_ID.user) +
    digest(userId, thumbprint).slice(0, PROOF_ID.key) +
    digest(thumbprint, jti).slice(0, PROOF_ID.proof)
  );
}
