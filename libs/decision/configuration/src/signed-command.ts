import { CompactSign, compactVerify, errors } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { z } from 'zod';
import type { Clock } from '@sallyport/kernel';

/** Something an administrator wants done now, at the one process that may do it. Doing it twice is doing it once. */
export const SignedCommand = z.discriminatedUnion('type', [
  z.object({
    v: z.literal(1),
    type: z.literal('rotate-signing-keys'),
    purposes: z.array(z.enum(['access-token', 'downstream-token'])).min(1),
    /** Milliseconds since the epoch: keys made before get a successor, so that a command that comes again finds nothing to do. */
    olderThan: z.int(),
    /** Milliseconds since the epoch. */
    issuedAt: z.int(),
  }),
  z.object({
    v: z.literal(1),
    type: z.literal('remove-registration'),
    /** Of an agent that registered itself. */
    clientId: z.string().min(1).max(64),
    /** Milliseconds since the epoch. */
    issuedAt: z.int(),
  }),
]);
export type SignedCommand = z.infer<typeof SignedCommand>;
export type SignedCommandOf<T extends SignedCommand['type']> = Extract<SignedCommand, { type: T }>;

/** RFC 8725 section 3.11, as for entries of the log: the same key signs both, and neither passes for the other. */
const TYPE = 'sallyport-command+jwt';
const FRESH_MS = 60_000;

/** A compact JWS (EdDSA over Ed25519) by the control plane's configuration key. */
export async function signCommand(command: SignedCommand, privateKey: CryptoKey | JWK): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(command)))
    .setProtectedHeader({ alg: 'EdDSA', typ: TYPE })
    .sign(privateKey);
}

/** @returns undefined for anything the pinned key did not sign as a command of this type within the last minute */
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
