import { compactVerify, errors } from 'jose';
import type { Clock } from '@sallyport/kernel';
import { AccessTokenClaims, callerFromClaims } from './access-token.js';
import { PublishedKeys, type PublishedKey, type PublishedKeysOptions } from './published-keys/published-keys.js';
import type { SeenProofs } from './proof-memory.js';
import { isRevoked, type RevocationView, type VerifiedToken } from './revocation.js';
import { boundKeyOf, claimChecks, firstFailure, Header, headerChecks, KID_PREFIX } from './token-checks.js';
import type { TokenFailure } from './token-failure.js';
import { VerifiedTokens, type CheckedToken } from './verified-tokens.js';
import { createProofVerifier, type Presentation } from './verify-dpop-proof.js';

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
  /** Asked at every verification, so that a later snapshot counts at once. */
  readonly revocations: () => RevocationView;
  readonly cacheLimit?: number;
  readonly keys?: Pick<PublishedKeysOptions, 'cooldownMs' | 'maxAgeMs' | 'timeoutMs'>;
  /** Which proofs were used; without it no proof is accepted. */
  readonly seenProofs?: SeenProofs;
}

export interface AccessTokenVerifier {
  /** Of a token shown on its own (`Bearer`); one that is bound to a key is refused (S7). */
  verify(token: string): Promise<Verification>;
  /**
   * The same for a token that was verified before and is still good, without a promise.
   * @returns undefined for any other, and for one that is bound to a key
   */
  recall(token: string): VerifiedToken | undefined;
  /** Of a token shown with a proof of its key (`DPoP`); one that is bound to no key is refused. */
  verifyWithProof(token: string, presentation: Presentation): Promise<Verification>;
  /** Of a token that was shown before: its proof was checked then, by the caller or by whoever hands it on. */
  recheck(token: string): Promise<Verification>;
  /**
   * Whose token this was when it was last verified. It says who may have sent it, and nothing about what they may do.
   */
  lastKnownUser(token: string): string | undefined;
  /**
   * Why what began with this token may not go on: its session, user or agent was revoked, or its key withdrawn. Its
   * expiry is no reason: what began goes on past it (S17). Cheap enough to ask of every open call, twice a second.
   */
  endOf(verified: VerifiedToken): Extract<TokenFailure, 'revoked' | 'key_withdrawn' | 'unknown_key'> | undefined;
  /** Loads the keys ahead of the first token; resolves also when that failed. */
  start(): Promise<void>;
  readonly keys: PublishedKeys;
}

const MAX_TOKEN_LENGTH = 16_384;
const MOST_REMEMBERED = 20_000;

type Checked = ({ readonly ok: true } & CheckedToken) | { readonly ok: false; readonly reason: TokenFailure };

/**
 * Verifies our own access tokens (RFC 9068 section 4) into a `Caller`. The result is remembered under the whole token
 * until it expires, its key is withdrawn or its subject revoked (S5).
 */
export function createAccessTokenVerifier(options: AccessTokenVerifierOptions): AccessTokenVerifier {
  const { issuer, audience, clock, revocations, seenProofs } = options;
  const keys = new PublishedKeys({
    url: options.jwksUrl,
    fetch: options.fetch,
    clock,
    kidPrefix: KID_PREFIX,
    ...options.keys,
  });
  const verified = new VerifiedTokens({ limit: options.cacheLimit ?? MOST_REMEMBERED, clock, revocations });
  keys.onWithdrawn((kids) => verified.forgetKeys(kids));
  const failureOfProof = seenProofs && createProofVerifier({ clock, seen: seenProofs });

  /** Every check there is, in order; the first that fails is the answer. */
  async function verifyAnew(token: string): Promise<Checked> {
    const header = readHeader(token);
    if (header === undefined) return failed('malformed');
    const wrongInHeader = firstFailure(headerChecks, header);
    if (wrongInHeader !== undefined) return failed(wrongInHeader);

    const { kid } = header;
    const published = await keys.find(kid, (known) => revocations().isKeyWithdrawn(known));
    if (published === undefined) return failed(keys.loaded ? 'unknown_key' : 'keys_unavailable');
    // The key decides how it is used, never the token (RFC 8725 section 3.1).
    if (header.alg !== published.algorithm) return failed('algorithm');
    const payload = await readPayload(token, published);
    if (payload === 'signature' || payload === 'malformed') return failed(payload);

    const parsed = AccessTokenClaims.safeParse(payload.claims);
    if (!parsed.success) return failed(isForAnother(payload.claims, audience) ? 'audience' : 'claims');
    const claims = parsed.data;
    const wrongInClaims = firstFailure(claimChecks, { claims, issuer, audience, now: clock() / 1000 });
    if (wrongInClaims !== undefined) return failed(wrongInClaims);

    const checked = { caller: callerFromClaims(claims), kid, boundTo: boundKeyOf(claims.cnf) };
    const ended = endOf(checked); // the key may have been withdrawn while the signature was being checked
    if (ended !== undefined) return failed(ended);
    verified.remember(token, checked, claims.exp * 1000);
    return { ok: true, ...checked };
  }

  async function check(token: string): Promise<Checked> {
    keys.refreshWhenOld();
    if (token.length > MAX_TOKEN_LENGTH) return failed('malformed');
    const known = verified.recall(token);
    if (known === undefined) return verifyAnew(token);
    return typeof known === 'string' ? failed(known) : { ok: true, ...known };
  }

  const endOf: AccessTokenVerifier['endOf'] = ({ caller, kid }) => {
    const view = revocations();
    if (view.isKeyWithdrawn(kid)) return 'key_withdrawn';
    if (!keys.has(kid)) return 'unknown_key';
    return isRevoked(view, caller) ? 'revoked' : undefined;
  };

  return {
    keys,
    start: () => keys.reload(),
    async verify(token) {
      const checked = await check(token);
      return checked.ok && checked.boundTo !== undefined ? failed('proof_required') : toVerification(checked);
    },
    async verifyWithProof(token, presentation) {
      const checked = await check(token);
      if (!checked.ok) return checked;
      const { boundTo, caller } = checked;
      if (boundTo === undefined) return failed('not_bound');
      // Without a memory of used proofs, none can be accepted: that is as good as a full one.
      if (failureOfProof === undefined) return failed('proof_memory_full');
      const failure = await failureOfProof({ token, userId: caller.userId, boundTo }, presentation);
      return failure === undefined ? toVerification(checked) : failed(failure);
    },
    recall: (token) => unboundIn(verified, keys, token),
    recheck: async (token) => toVerification(await check(token)),
    lastKnownUser: (token) => verified.userOf(token),
    endOf,
  };
}

function unboundIn(verified: VerifiedTokens, keys: PublishedKeys, token: string): VerifiedToken | undefined {
  keys.refreshWhenOld();
  const known = token.length > MAX_TOKEN_LENGTH ? undefined : verified.recall(token);
  return typeof known === 'object' && known.boundTo === undefined ? known : undefined;
}

const failed = (reason: TokenFailure) => ({ ok: false, reason }) as const;
const toVerification = (checked: Checked): Verification =>
  checked.ok ? { ok: true, caller: checked.caller, kid: checked.kid } : checked;

function readHeader(token: string): Header | undefined {
  const [header, payload, signature, rest] = token.split('.');
  if (!header || !payload || !signature || rest !== undefined) return undefined;
  try {
    return Header.safeParse(JSON.parse(Buffer.from(header, 'base64url').toString('utf8'))).data;
  } catch {
    return undefined; // not JSON, so not a JWS
  }
}

/** Verifies the signature, and reads what it is of. */
async function readPayload(
  token: string,
  { key, algorithm }: PublishedKey,
): Promise<{ readonly claims: unknown } | 'signature' | 'malformed'> {
  try {
    const { payload } = await compactVerify(token, key, { algorithms: [algorithm] });
    return { claims: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload)) };
  } catch (error) {
    return error instanceof errors.JWSSignatureVerificationFailed ? 'signature' : 'malformed';
  }
}

/**
 * Tells a well-formed token for another resource from a broken one, so that the trail says why (an array never
 * matches).
 */
function isForAnother(claims: unknown, audience: string): boolean {
  return typeof claims === 'object' && claims !== null && 'aud' in claims && claims.aud !== audience;
}
