import { CompactSign, compactVerify, errors } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { z } from 'zod';
import type { Clock } from '@sallyport/kernel';

/** A command of an administrator to the one process that may carry it out. Commands are idempotent. */
export const SignedCommand = z.discriminatedUnion('type', [
  z.object({
    v: z.literal(1),
    type: z.literal('rotate-signing-keys'),
    purposes: z.array(z.enum(['access-token', 'downstream-token'])).min(1),
    /** Milliseconds since the epoch. Keys made before then get a successor, so a repeated command does nothing. */
    olderThan: z.int(),
    /** Milliseconds since the epoch. */
    issuedAt: z.int(),
  }),
  z.object({
    v: z.literal(1),
    type: z.literal('remove-registration'),
    /** The client id of an agent that registered itself. */
    clientId: z.string().min(1).max(64),
    /** Milliseconds since the epoch. */
    issuedAt: z.int(),
  }),
]);
export type SignedCommand = z.infer<typeof SignedCommand>;
export type SignedCommandOf<T extends SignedCommand['type']> = Extract<SignedCommand, { type: T }>;

/** An explicit type (RFC 8725 section 3.11): the same key signs log entries, and neither passes for the other. */
const TYPE = 'sallyport-command+jwt';
const FRESH_MS = 60_000;

/** Signs a command with the configuration key of the control plane. @returns a compact JWS (EdDSA over Ed25519) */
export async function signCommand(command: SignedCommand, privateKey: CryptoKey | JWK): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(command)))
    .setProtectedHeader({ alg: 'EdDSA', typ: TYPE })
    .sign(privateKey);
}

/** Verifies a command. @returns undefined unless the pinned key signed it as this type within the last minute */
export async function verifyCommand<T extends SignedCommand['type']>(
  jws: string,
  type: T,
  publicKey: CryptoKey | JWK,
  clock: Clock,
): Promise<SignedCommandOf<T> | undefined> {
  let text: string;
  try {
    const { protectedHeader, payload } = await compactVerify(jws, publicKey, { algorithms: ['EdDSA'] });
    if (protectedHeader.typ !== TYPE) return undefined;
    text = new TextDecoder().decode(payload);
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
  const { data: command } = SignedCommand.safeParse(JSON.parse(text));
  const isMeant = (one: SignedCommand): one is SignedCommandOf<T> =>
    one.type === type && Math.abs(clock() - one.issuedAt) <= FRESH_MS;
  return command && isMeant(command) ? command : undefined;
}
