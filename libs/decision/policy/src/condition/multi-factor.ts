/** RFC 8176 section 2, by kind of factor. */
const KNOWLEDGE = ['pwd', 'pin', 'kba'];
const POSSESSION = ['otp', 'sms', 'tel', 'hwk', 'swk', 'sc', 'pop'];
const INHERENCE = ['face', 'fpt', 'iris', 'retina', 'vbm'];

/** The provider says `mfa`, or names methods of two different kinds. */
export function isMultiFactor(amr: readonly string[]): boolean {
  return (
    amr.includes('mfa') ||
    [KNOWLEDGE, POSSESSION, INHERENCE].filter((kind) => kind.some((method) => amr.includes(method))).length >= 2
  );
}
