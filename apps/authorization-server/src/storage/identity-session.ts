import { createHash } from 'node:crypto';
import type { Database } from '@sallyport/database';
import type { Id } from '@sallyport/kernel';
import type { Sealer } from '@sallyport/keys';
import { sealedColumn } from '@sallyport/vault';
import { z } from 'zod';

export type IdentitySessionId = Id<'ids'>;

/**
 * Tokens of a sign-in, as far as the trust provider's document says to keep them. `authentication` has the claims that
 * a later response may leave out.
 */
const KeptTokens = z.object({
  v: z.literal(1),
  refreshToken: z.string().optional(),
  /** The provider's response with the next refresh token never came, so that there is none. */
  isRefreshTokenLost: z.boolean().optional(),
  accessToken: z.string().optional(),
  idToken: z.string().optional(),
  /** Milliseconds since the epoch. */
  accessExpiresAt: z.number().optional(),
  authentication: z.record(z.string(), z.unknown()),
});
export type KeptTokens = Omit<z.infer<typeof KeptTokens>, 'v'>;

export interface IdentitySession {
  readonly id: IdentitySessionId;
  readonly userId: string;
  readonly trustProvider: string;
  readonly issuer: string;
  /** `sub` of the provider's ID token. */
  readonly subject: string;
  readonly revision: number;
  /** Milliseconds since the epoch. */
  readonly askedAt: number;
  /** Since when it is unknown whether the refresh token was spent, in milliseconds since the epoch. */
  readonly unansweredSince: number | undefined;
  /** Milliseconds since the epoch. */
  readonly confirmedAt: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly ended: boolean;
  /** It ended, or its user signed out in its browser. */
  readonly browserEnded: boolean;
}
export type NewIdentitySession = Pick<IdentitySession, 'userId' | 'trustProvider' | 'issuer' | 'subject'> & {
  readonly providerSid: string | undefined;
  readonly tokens: KeptTokens | undefined;
};
/** A sign-in that this process holds: nobody else asks the provider about it meanwhile. */
export interface Held {
  readonly session: IdentitySession;
  readonly owner: string;
  readonly tokens: KeptTokens | undefined;
}

const PURPOSE = 'identity-session';
export type IdentitySessionRow = NonNullable<Awaited<ReturnType<Database['identitySession']['findUnique']>>>;
/** How a browser is named here and in `OidcArtifact.uidDigest`. */
export const digestOfBrowser = (browserUid: string): string =>
  createHash('sha256').update(browserUid).digest('base64url');

export type EndScope = { readonly ids: readonly string[] } | { readonly userId: string };
export interface EndedAgentSession {
  readonly sid: string;
  readonly userId: string;
  readonly clientId: string;
  readonly agentName: string;
}

/** Seals what is kept of a sign-in. */
export const sealTokens = (
  sealer: Pick<Sealer, 'seal'>,
  session: Parameters<typeof boundTo>[0],
  tokens: KeptTokens,
): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(
    sealer.seal(PURPOSE, JSON.stringify({ v: 1, ...tokens } satisfies z.infer<typeof KeptTokens>), boundTo(session)),
  );

/** Opens what is kept of a sign-in; undefined where nothing is. */
export const openTokens = (sealer: Pick<Sealer, 'open'>, row: IdentitySessionRow): KeptTokens | undefined =>
  row.sealedTokens
    ? KeptTokens.parse(JSON.parse(sealer.open(PURPOSE, row.sealedTokens, boundTo(row)).toString('utf8')))
    : undefined;

export const identitySessionColumn = sealedColumn(
  'IdentitySession',
  PURPOSE,
  z.object({ id: z.string(), userId: z.string(), trustProvider: z.string(), issuer: z.string(), revision: z.int() }),
  boundTo,
);

/** Sealed tokens open only in the row they were stored in, and only at its latest revision (S22). */
function boundTo({
  id,
  userId,
  trustProvider,
  issuer,
  revision,
}: {
  id: string;
  userId: string;
  trustProvider: string;
  issuer: string;
  revision: number;
}): string {
  return JSON.stringify([id, userId, trustProvider, issuer, revision]);
}

export function toSession({
  id,
  userId,
  trustProvider,
  issuer,
  subject,
  revision,
  askedAt,
  unansweredSince,
  confirmedAt,
  createdAt,
  endedAt,
  browserEndedAt,
}: IdentitySessionRow): IdentitySession {
  return {
    id: id as IdentitySessionId,
    userId,
    trustProvider,
    issuer,
    subject,
    revision,
    askedAt: askedAt.getTime(),
    unansweredSince: unansweredSince?.getTime(),
    confirmedAt: confirmedAt.getTime(),
    createdAt: createdAt.getTime(),
    ended: endedAt !== null,
    browserEnded: endedAt !== null || browserEndedAt !== null,
  };
}
