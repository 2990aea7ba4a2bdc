import { hkdfSync } from 'node:crypto';
import { CompactEncrypt, compactDecrypt } from 'jose';

/**
 * A token's successor, to be opened only by who still holds the token (S9): neither a copy of the table
 * nor the master key yields it. The predecessor is random and long, so one derivation is enough.
 */
export async function sealSuccessor(successor: string, predecessor: string): Promise<string> {
  return new CompactEncrypt(new TextEncoder().encode(successor))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .encrypt(keyOf(predecessor));
}

export async function openSuccessor(sealed: string, predecessor: string): Promise<string> {
  const { plaintext } = await compactDecrypt(sealed, keyOf(predecessor), {
    keyManagementAlgorithms: ['dir'],
    contentEncryptionAlgorithms: ['A256GCM'],
  });
  return new TextDecoder().decode(plaintext);
}

function keyOf(predecessor: string): Uint8Array {
  return new Uint8Array(
    hkdfSync('sha256', predecessor, Buffer.alloc(0), 'sallyport/v1/authorization-server/successor', 32),
  );
}
