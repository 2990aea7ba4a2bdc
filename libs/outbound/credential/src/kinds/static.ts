import type { CredentialProviderOf } from '@sallyport/configuration';
import type { Secret } from '@sallyport/kernel';
import type { FindSecret } from '@sallyport/oauth';
import type { ConfiguredTarget } from '@sallyport/connection';
import { MAX_LEASE_SECONDS, type GrantedLease, type ProviderLease, type ProviderRefusal } from '../provider-lease.js';
import type { CredentialRequest } from '../credential-request.js';
import { findUsableConnection, giveUp, grantFrom, type UsableConnectionContext } from '../usable-connection.js';

export type StaticProvider = CredentialProviderOf<'static'>;

/** Shorter ones cannot be told from ordinary text, and so could not be taken out of what a server says (R44). */
const MIN_SECRET_LENGTH = 8;
const MAX_SECRET_LENGTH = 8_192;

export interface StaticLeaseContext {
  readonly findSecret: FindSecret;
  readonly userConnections: UsableConnectionContext;
}

/** `static`: a secret that an administrator configured for everybody, or that each user enters. */
export async function leaseStaticSecret(
  request: CredentialRequest,
  spec: StaticProvider,
  { findSecret, userConnections }: StaticLeaseContext,
): Promise<ProviderLease | ProviderRefusal> {
  if (spec.owner === 'user') return leaseEnteredSecret(request, spec, userConnections);
  const { target } = request;
  const secret = await findSecret(`CredentialProvider/${target.provider.name}/secret`);
  return secret ? leaseSharedSecret({ target, spec, secret }) : { type: 'refused', reason: 'secret_missing' };
}

/** What a user enters, or an administrator configured. `username` where the provider's document names none. */
export interface EnteredSecret {
  readonly secret: string;
  readonly username?: string | undefined;
}

export type StaticValue =
  | {
      readonly type: 'valid';
      /** What is kept: the secret, of `basic` with the user name before it. */ readonly value: string;
    }
  | { readonly type: 'invalid'; readonly field: 'secret' | 'username' };

/**
 * Whether the secret can be sent as the document says. It must not end a header field, and must be long enough to be
 * found again in a server's answer (R44).
 */
export function readStaticSecret(
  { send }: Pick<StaticProvider, 'send'>,
  { secret, username }: EnteredSecret,
): StaticValue {
  const characters = send.as === 'basic' ? /^\P{Cc}+$/u : /^[\x21-\x7E]+$/;
  if (secret.length < MIN_SECRET_LENGTH || secret.length > MAX_SECRET_LENGTH || !characters.test(secret))
    return { type: 'invalid', field: 'secret' };
  if (send.as !== 'basic') return { type: 'valid', value: secret };
  const user = send.username ?? username ?? '';
  if (user.length > 256 || !/^[^:\p{Cc}]+$/u.test(user)) return { type: 'invalid', field: 'username' };
  return { type: 'valid', value: `${user}:${secret}` };
}

/** `static`, shared: all calls carry the secret that an administrator configured, to its origin and no other (S20). */
export function leaseSharedSecret({
  target,
  spec,
  secret,
}: {
  target: ConfiguredTarget;
  spec: StaticProvider;
  secret: Secret;
}): GrantedLease | { readonly type: 'refused'; readonly reason: 'secret_origin' | 'secret_malformed' } {
  if (spec.origin !== new URL(target.server.spec.url).origin) return { type: 'refused', reason: 'secret_origin' };
  const read = readStaticSecret(spec, { secret: secret.reveal() });
  if (read.type === 'invalid') return { type: 'refused', reason: 'secret_malformed' };
  return {
    type: 'granted',
    headers: headersOf(spec, read.value),
    connectionId: null,
    connectionRevision: 0,
    expiresInSeconds: MAX_LEASE_SECONDS,
  };
}

/** `static`, per user: the secret this user entered. When the server rejects it, the user has to enter a new one. */
export async function leaseEnteredSecret(
  { caller, target, rejectedConnectionRevision }: CredentialRequest,
  spec: StaticProvider,
  context: UsableConnectionContext,
): Promise<ProviderLease> {
  const found = await findUsableConnection({ caller, target }, context);
  if (found.type !== 'usable') return found;
  const { connection, credential } = found;
  if (rejectedConnectionRevision !== undefined && rejectedConnectionRevision >= connection.revision)
    return giveUp(connection, 'rejected', context);
  return grantFrom(connection, headersOf(spec, credential.accessToken), caller.expiresAt, context.clock());
}

function headersOf({ send }: StaticProvider, value: string): Readonly<Record<string, string>> {
  switch (send.as) {
    case 'bearer':
      return { authorization: `Bearer ${value}` };
    case 'basic':
      return { authorization: `Basic ${Buffer.from(value, 'utf8').toString('base64')}` };
    case 'authorization':
      return { authorization: `${send.scheme} ${value}` };
    case 'header':
      return { [send.name.toLowerCase()]: send.prefix === undefined ? value : `${send.prefix} ${value}` };
  }
}
