import { CompactSign, compactVerify, errors } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import { LogEntry } from './change-set.js';

/** RFC 8725 section 3.11: an explicit type, so that nothing else this key ever signs can pass for configuration. */
const TYPE = 'sallyport-configuration+jwt';

export type LogEntryVerdict =
  | { trusted: true; entry: LogEntry }
  | { trusted: false; reason: 'signature' | 'type' | 'content' };

/** A compact JWS (EdDSA over Ed25519) around the entry; what `ConfigurationLog` carries. */
export async function signLogEntry(entry: LogEntry, privateKey: CryptoKey | JWK): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(entry)))
    .setProtectedHeader({ alg: 'EdDSA', typ: TYPE })
    .sign(privateKey);
}

/** Trusts an entry only when the one pinned key signed it as configuration and its content is what this version knows (S27). */
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
