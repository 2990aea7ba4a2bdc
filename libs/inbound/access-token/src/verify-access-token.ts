import { compactVerify, errors } from 'jose';
import { z } from 'zod';
import { BoundedMap } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { Caller } from '@sallyport/policy';
import { AccessTokenClaims, callerFromClaims } from './access-token.js';
import { PublishedKeys, SIGNING_ALGORITHMS } from './published-keys.js';
import type { PublishedKeysOptions } from './published-keys.js';
import type { SeenProofs } from './proof-memory.js';
import { createProofVerifier } from './verify-dpop-proof.js';
import type { Presentation, ProofFailure } from './verify-dpop-proof.js';

/** What the verifier asks of revocation: a generation that grows with each change, and the question itself. */
export interface RevocationView {
  readonly generation: number;
  isRevoked(subject: {
    userId: string;
    clientId: string;
    sid: string;
    /** Seconds since the epoch. */ issuedAt: number;
  }): boolean;
  /** For good, whatever the key set says: what such a key signed is nobody's word any more. */
  isKeyWithdrawn(kid: string): boolean;
}

export type TokenFailure =
  | 'malformed'
  | 'type'
  | 'algorithm'
  | 'key_purpose'
  | 'unknown_key'
  | 'key_withdrawn'
  | 'signature'
  | 'claims'
  | 'issuer'
  | 'audience'
  | 'expired'
  | 'not_yet_valid'
  | 'revoked'
  /** Bound to a key and shown as if it were not, or the other way round (RFC 9449 section 7). */
  | 'proof_required'
  | 'not_bound'
  | ProofFailure
  /** Not the token's fault: no key set was ever loaded. Answer "try again", not "sign in again". */
  | 'keys_unavailable';

/** Who a good token speaks for, and the key that signed it. */
export interface VerifiedToken {
  readonly caller: Caller;
  readonly kid: string;
}

export type Verification =
  | ({ readonly ok: true } & VerifiedToken)
  | { readonly ok: false; readonly reason: TokenFailure };

export interface AccessTokenVerifierOptions {
  readonly issuer: string;
  /** The gateway's resource identifier; compared exactly (RFC 8707, R10). */
  readonly audience: string;
  readonly jwksUrl: string;
  readonly fetch: PublishedKeysOptions['fetch'];
  readonly clock: Clock;
  /** Asked on every verification, so a later snapshot counts at once. */
  readonly revocations: () => RevocationView;
  readonly cacheLimit?: number;
  readonly keys?: Pick<PublishedKeysOptions, 'cooldownMs' | 'maxAgeMs' | 'timeoutMs'>;
  /** Which proofs were used; without it no proof is accepted. */
  readonly seenProofs?: SeenProofs;
}

export interface AccessTokenVerifier {
  /** Of a token shown on its own (`Bearer`); one that is bound to a key is refused (security rule S7). */
  verify(token: string): Promise<Verification>;
  /** Of a token shown with a proof of its key (`DPoP`); one that is bound to none is refused. */
  verifyWithProof(token: string, presentation: Presentation): Promise<Verification>;
  /** Of a token that is not being shown but was: its proof has been checked, by the caller or by who hands it on. */
  recheck(token: string): Promise<Verification>;
  /**
   * Why what began with this token may not go on: its session, user or agent was revoked, or its key withdrawn. Its expiry
   * is no reason: what began goes on past it (security rule S17). Cheap enough to ask of every open call, twice a second.
   */
  endOf(verified: VerifiedToken): Extract<TokenFailure, 'revoked' | 'key_withdrawn' | 'unknown_key'> | undefined;
  /** Loads the keys ahead of the first token; resolves also when that failed. */
  start(): Promise<void>;
  readonly keys: PublishedKeys;
}

const SKEW_SECONDS = 60;
const MAX_TOKEN_LENGTH = 16_384;
const ALGORITHMS: ReadonlySet<string> = new Set(SIGNING_ALGORITHMS);
const KID_PREFIX = 'at-';
const Header = z.object({ alg: z.string(), typ: z.string().optional(), kid: z.string().optional() });

interface Remembered extends VerifiedToken {
  /** Thumbprint of the key the token is bound to (RFC 9449 section 6). */
  readonly boundTo: string | undefined;
  /** Milliseconds since the epoch. */
  readonly endsAt: number;
  /** The revocation generation this entry was last compared with. */
  generation: number;
}
type Checked =
  | ({ readonly ok: true } & Pick<Remembered, 'caller' | 'kid' | 'boundTo'>)
  | { readonly ok: false; readonly reason: TokenFailure };

/** The one confirmation method there is here; anything else would be one nobody checks. */
const Confirmation = z.strictObject({ jkt: z.string().regex(/^[A-Za-z0-9_-]{43}$/) });

/**
 * Verifies our own access tokens (RFC 9068 section 4) into a `Caller`. The result is remembered under the whole token
 * until it expires, its key is withdrawn or its subject revoked (security rule S5).
 */
export function createAccessTokenVerifier(options: AccessTokenVerifierOptions): AccessTokenVerifier {
  const { issuer, audience, clock, revocations } = options;
  const keys = new PublishedKeys({
    url: options.jwksUrl,
    fetch: options.fetch,
    clock,
    kidPrefix: KID_PREFIX,
    ...options.keys,
  });
  const verified = new BoundedMap<string, Remembered>(options.cacheLimit ?? 10_000);
  const failureOfProof = options.seenProofs && createProofVerifier({ clock, seen: options.seenProofs });
  keys.onWithdrawn((kids) => verified.deleteWhere((entry) => kids.has(entry.kid)));

  function recall(token: string): Checked | undefined {
    const entry = verified.get(token);
    if (entry === undefined) return undefined;
    if (clock() >= entry.endsAt) {
      verified.delete(token);
      return undefined;
    }
    const revocation = revocations();
    if (entry.generation !== revocation.generation) {
      const reason = revocation.isKeyWithdrawn(entry.kid)
        ? 'key_withdrawn'
        : isRevoked(revocation, entry.caller)
          ? 'revoked'
          : undefined;
      if (reason !== undefined) {
        verified.delete(token);
        return failed(reason);
      }
      entry.generation = revocation.generation;
    }
    return { ok: true, caller: entry.caller, kid: entry.kid, boundTo: entry.boundTo };
  }

  async function verifyAnew(token: string): Promise<Checked> {
    const header = readHeader(token);
    if (header === undefined) return failed('malformed');
    if (!isAccessTokenType(header.typ)) return failed('type');
    if (!ALGORITHMS.has(header.alg)) return failed('algorithm');
    const kid = header.kid;
    if (kid === undefined || !kid.startsWith(KID_PREFIX)) return failed('key_purpose');
    const published = await keys.find(kid, (known) => revocations().isKeyWithdrawn(known));
    if (published === undefined) return failed(keys.loaded ? 'unknown_key' : 'keys_unavailable');
    // The key decides how it is used, never the token (RFC 8725 section 3.1).
    if (header.alg !== published.algorithm) return failed('algorithm');

    let payload: unknown;
    try {
      payload = JSON.parse(
        new TextDecoder('utf-8', { fatal: true }).decode(
          (await compactVerify(token, published.key, { algorithms: [published.algorithm] })).payload,
        ),
      );
    } catch (error) {
      return failed(error instanceof errors.JWSSignatureVerificationFailed ? 'signature' : 'malformed');
    }
    const parsed = AccessTokenClaims.safeParse(payload);
    if (!parsed.success) return failed(audienceIsForeign(payload, audience) ? 'audience' : 'claims');
    const claims = parsed.data;
    if (claims.iss !== issuer) return failed('issuer');
    if (claims.aud !== audience) return failed('audience');
    const now = clock() / 1000;
    if (now >= claims.exp + SKEW_SECONDS) return failed('expired');
    if (claims.iat > now + SKEW_SECONDS || (claims.nbf ?? 0) > now + SKEW_SECONDS) return failed('not_yet_valid');
    const boundTo = claims.cnf === undefined ? undefined : Confirmation.safeParse(claims.cnf).data?.jkt;
    if (claims.cnf !== undefined && boundTo === undefined) return failed('claims');

    const caller = callerFromClaims(claims);
    const revocation = revocations();
    if (isRevoked(revocation, caller)) return failed('revoked');
    // The key may have been withdrawn while the signature was being checked; and nothing is remembered into its grace period.
    if (!keys.has(kid)) return failed('unknown_key');
    if (revocation.isKeyWithdrawn(kid)) return failed('key_withdrawn');
    const endsAt = claims.exp * 1000;
    if (clock() < endsAt) verified.set(token, { caller, boundTo, kid, endsAt, generation: revocation.generation });
    return { ok: true, caller, kid, boundTo };
  }

  async function check(token: string): Promise<Checked> {
    keys.refreshWhenOld();
    if (token.length > MAX_TOKEN_LENGTH) return failed('malformed');
    return recall(token) ?? (await verifyAnew(token));
  }

  return {
    keys,
    start: () => keys.reload(),
    async verify(token) {
      const checked = await check(token);
      return checked.ok && checked.boundTo !== undefined ? failed('proof_required') : withoutKey(checked);
    },
    async verifyWithProof(token, presentation) {
      const checked = await check(token);
      if (!checked.ok) return checked;
      if (checked.boundTo === undefined) return failed('not_bound');
      if (failureOfProof === undefined) return failed('proof_memory_full');
      const failure = await failureOfProof(
        { token, userId: checked.caller.userId, boundTo: checked.boundTo },
        presentation,
      );
      return failure === undefined ? withoutKey(checked) : failed(failure);
    },
    async recheck(token) {
      return withoutKey(await check(token));
    },
    endOf({ caller, kid }) {
      const revocation = revocations();
      if (revocation.isKeyWithdrawn(kid)) return 'key_withdrawn';
      if (!keys.has(kid)) return 'unknown_key';
      return isRevoked(revocation, caller) ? 'revoked' : undefined;
    },
  };
}

const failed = (reason: TokenFailure) => ({ ok: false, reason }) as const;
const withoutKey = (checked: Checked): Verification =>
  checked.ok ? { ok: true, caller: checked.caller, kid: checked.kid } : checked;

function isRevoked(view: RevocationView, caller: Caller): boolean {
  return view.isRevoked({
    userId: caller.userId,
    clientId: caller.clientId,
    sid: caller.sid,
    issuedAt: caller.issuedAt,
  });
}

function readHeader(token: string): z.infer<typeof Header> | undefined {
  const [header, payload, signature, rest] = token.split('.');
  if (!header || !payload || !signature || rest !== undefined) return undefined;
  try {
    return Header.safeParse(JSON.parse(Buffer.from(header, 'base64url').toString('utf8'))).data;
  } catch {
    return undefined; // not JSON, so not a JWS
  }
}

/** RFC 9068 section 4: `at+jwt`, or with its media type prefix. */
function isAccessTokenType(typ: string | undefined): boolean {
  return typ !== undefined && typ.toLowerCase().replace(/^application\//, '') === 'at+jwt';
}

/** Tells a well-formed token for somebody else from a broken one, so that the trail says why (an array never matches). */
function audienceIsForeign(payload: unknown, audience: string): boolean {
  return typeof payload === 'object' && payload !== null && 'aud' in payload && payload.aud !== audience;
}
