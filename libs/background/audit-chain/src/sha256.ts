import { hash } from 'node:crypto';

/**
 * SHA-256. By way of a text of one character a byte: a buffer that Node makes for a hash has memory of its own beside
 * the heap, which takes as long as the hash.
 */
export const sha256 = (data: string | Buffer): Buffer => Buffer.from(hash('sha256', data, 'binary'), 'binary');
