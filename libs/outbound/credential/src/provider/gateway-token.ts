import { randomUUID } from 'node:crypto';
import { SignJWT, type CryptoKey } from 'jose';
import type { DocumentOf } from '@sallyport/configuration';
import { SallyportError, type Clock } from '@sallyport/kernel';
import type { GrantedLease } from './provider-lease.js';

type GatewayTokenProvider = Extract<DocumentOf<'CredentialProvider'>['spec'], { type: 'gateway-token' }>;

/** Our key for downstream tokens. Its `kid` starts with `dt-`, and the gateway accepts no such token inbound (S6). */
export interface DownstreamSigningKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
}

/** Whom a token of ours speaks for. */
export interface TokenSubject {
  readonly userId: string;
  readonly clientId: string;
}

export interface GatewayTokenContext {
  readonly issuer: string;
  readonly signingKey: DownstreamSigningKey;
  readonly clock: Clock;
}

const MAX_LIFETIME_SECONDS = 300;
/** The lease ends before its token, so that a request under way does not arrive with an expired one. */
const MARGIN_SECONDS = 20;

/**
 * `gateway-token`: a token of our own for one server and one user through one agent (RFC 8693 section 4.1 `act`), in the
 * RFC 9068 profile. Its audience is the server's resource, never ours. Its `sid` names the agent session: introspection
 * asks whether that goes on. It opens nothing, and beside `sub` and `client_id` it tells a server nothing of anybody else.
 * @throws SallyportError `signing_key_purpose` when the key is not one for downstream tokens.
 */
export async function leaseGatewayToken(
  {
    caller,
    server,
    spec,
  }: { caller: TokenSubject & { readonly sid: string }; server: DocumentOf<'McpServer'>; spec: GatewayTokenProvider },
  context: GatewayTokenContext,
): Promise<GrantedLease> {
  const lifetimeSeconds = Math.min(seconds(spec.lifetime), MAX_LIFETIME_SECONDS);
  const claims = { sid: caller.sid, ...(spec.scopes.length > 0 ? { scope: spec.scopes.join(' ') } : {}) };
  const token = await signDownstreamToken(
    { caller, audience: server.spec.resource ?? server.spec.url, lifetimeSeconds, claims },
    context,
  );
  return {
    type: 'granted',
    headers: { authorization: `Bearer ${token}` },
    connectionId: null,
    connectionRevision: 0,
    expiresInSeconds: Math.max(1, lifetimeSeconds - MARGIN_SECONDS),
  };
}

/** Says that this user asks through this agent, to one audience. @throws SallyportError `signing_key_purpose` */
export async function signDownstreamToken(
  {
    caller,
    audience,
    lifetimeSeconds,
    claims,
  }: { caller: TokenSubject; audience: string; lifetimeSeconds: number; claims: Readonly<Record<string, unknown>> },
  { issuer, signingKey, clock }: GatewayTokenContext,
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

/** The document's schema allows `30s`, `15m`, `12h`, `7d`. */
function seconds(duration: string): number {
  const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[duration.slice(-1)] ?? 1;
  return Number.parseInt(duration, 10) * unit;
}
