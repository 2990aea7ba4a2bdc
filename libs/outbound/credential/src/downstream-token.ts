import { randomUUID } from 'node:crypto';
import { SignJWT, type CryptoKey } from 'jose';
import { SallyportError, type Clock } from '@sallyport/kernel';

/** Our key for downstream tokens. Its `kid` starts with `dt-`, and the gateway accepts no such token inbound (S6). */
export interface DownstreamSigningKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
}

export interface SigningKeys {
  /** `undefined` while no key may sign. */
  newest(): Promise<DownstreamSigningKey | undefined>;
}

/** What a kind that signs tokens answers while no key may sign. */
export const NO_SIGNING_KEY = { type: 'provider_unavailable', retryAfterSeconds: 5 } as const;

/** The user and the agent that a token of ours names. */
export interface TokenSubject {
  readonly userId: string;
  readonly clientId: string;
}

export interface DownstreamTokenContext {
  readonly issuer: string;
  readonly clock: Clock;
}

export interface DownstreamToken {
  readonly caller: TokenSubject;
  readonly audience: string;
  readonly lifetimeSeconds: number;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly signingKey: DownstreamSigningKey;
}

/**
 * Signs a token that names this user and this agent to one audience.
 * @throws SallyportError `signing_key_purpose` when the key is not one for downstream tokens.
 */
export async function signDownstreamToken(
  { caller, audience, lifetimeSeconds, claims, signingKey }: DownstreamToken,
  { issuer, clock }: DownstreamTokenContext,
): Promise<string> {
  if (!signingKey.kid.startsWith('dt-'))
    throw new SallyportError('signing_key_purpose', 'The key for downstream tokens is not one.', {
      detail: { kid: signingKey.kid },
    });
  const issuedAt = Math.floor(clock() / 1000);
  return await new SignJWT({ ...claims, client_id: caller.clientId, act: { sub: caller.clientId } })
    .setProtectedHeader({ alg: signingKey.algorithm, kid: signingKey.kid, typ: 'at+jwt' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(caller.userId)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + lifetimeSeconds)
    .setJti(randomUUID())
    .sign(signingKey.privateKey);
}
