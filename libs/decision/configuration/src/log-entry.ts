import { CompactSign, compactVerify, errors } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { LogEntry } from './change-set.js';

/** An explicit type (RFC 8725 section 3.11), so that nothing else this key signs passes for configuration. */
const TYPE = 'sallyport-configuration+jwt';

export type LogEntryVerdict =
  | { trusted: true; entry: LogEntry }
  | { trusted: false; reason: 'signature' | 'type' | 'content' };

/** Signs an entry. @returns a compact JWS (RFC 7515, EdDSA over Ed25519), which `ConfigurationLog` carries */
export async function signLogEntry(entry: LogEntry, privateKey: CryptoKey | JWK): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(entry)))
    .setProtectedHeader({ alg: 'EdDSA', typ: TYPE })
    .sign(privateKey);
}

/** Trusts an entry only if the pinned key signed it as configuration and this version knows its content (S27). */
export async function verifyLogEntry(jws: string, publicKey: CryptoKey | JWK): Promise<LogEntryVerdict> {
  let payload: Uint8Array;
  try {
    const verified = await compactVerify(jws, publicKey, { algorithms: ['EdDSA'] });
    if (verified.protectedHeader.typ !== TYPE) return { trusted: false, reason: 'type' };
    payload = verified.payload;
  } catch (error) {
    if (error instanceof errors.JOSEError) return { trusted: false, reason: 'signature' };
    throw error;
  }
  const parsed = LogEntry.safeParse(parseJson(payload));
  return parsed.success ? { trusted: true, entry: parsed.data } : { trusted: false, reason: 'content' };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined; // not JSON: the schema refuses it
  }
}
