/**
 * The epoch inside an entry's payload, unverified: only to tell an append apart from a repeated one. Empty when there
 * is none.
 */
export function epochOf(jws: string): string {
  const payload = jws.split('.')[1];
  if (payload === undefined) return '';
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return typeof claims === 'object' && claims !== null && 'epoch' in claims && typeof claims.epoch === 'string'
      ? claims.epoch
      : '';
  } catch {
    return ''; // not an entry we know: the revision alone identifies it
  }
}
