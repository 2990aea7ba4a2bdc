import { z } from 'zod';

const use = z.literal('sig').optional();
/** A public key as JWK (RFC 7517). A private JWK is refused: nobody should pass one around in a configuration file. */
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
