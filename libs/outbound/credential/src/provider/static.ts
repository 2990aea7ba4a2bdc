import type { CredentialProviderOf } from '@sallyport/configuration';
import type { Secret } from '@sallyport/kernel';
import type { ConfiguredTarget } from '../connection/connection-pins.js';
import { MAX_LEASE_SECONDS, type GrantedLease, type ProviderLease } from './provider-lease.js';
import {
  findUsableConnection,
  grantFrom,
  reconnect,
  type UsableConnectionContext,
  type UserConnectionWish,
} from './usable-connection.js';

export type StaticProvider = CredentialProviderOf<'static'>;

/** Shorter ones cannot be told from ordinary text, and so could not be taken out of what a server says (R44). */
const MIN_SECRET_LENGTH = 8;
const MAX_SECRET_LENGTH = 8_192;

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

/** Whether it can be shown to a server as the provider says: nothing that ends a header field, or that could not be found again in an answer. */
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

/** `static`, shared: everybody's calls carry the secret an administrator configured, to the origin it is for and no other (S20). */
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

/** `static`, per user: what this user entered. It is never renewed: one that the server rejects has to be entered anew. */
export async function leaseEnteredSecret(
  { caller, target, rejectedConnectionRevision }: UserConnectionWish,
  spec: StaticProvider,
  context: UsableConnectionContext,
): Promise<ProviderLease> {
  const found = await findUsableConnection({ caller, target }, context);
  if (found.type !== 'usable') return found;
  const { connection, credential } = found;
  if (rejectedConnectionRevision !== undefined && rejectedConnectionRevision >= connection.revision)
    return reconnect(connection);
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
