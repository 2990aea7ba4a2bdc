import { z } from 'zod';

const use = z.literal('sig').optional();
/** RFC 7517, public halves only: a key that could sign does not belong in a file that is passed around. */
export const PublicKey = z.discriminatedUnion('kty', [
  z.strictObject({
    kty: z.literal('EC'),
    crv: z.enum(['P-256', 'P-384']),
    x: z.string(),
    y: z.string(),
    kid: z.string().optional(),
    alg: z.string().optional(),
    use,
  }),
  z.strictObject({
    kty: z.literal('OKP'),
    crv: z.literal('Ed25519'),
    x: z.string(),
    kid: z.string().optional(),
    alg: z.string().optional(),
    use,
  }),
  z.strictObject({
    kty: z.literal('RSA'),
    n: z.string(),
    e: z.string(),
    kid: z.string().optional(),
    alg: z.string().optional(),
    use,
  }),
]);
export type PublicKey = z.infer<typeof PublicKey>;
