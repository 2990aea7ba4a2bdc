import { z } from 'zod';

const common = {
  kid: z.string().optional().describe('The key id that tokens name it by.'),
  alg: z.string().optional().describe('The only algorithm it is used with.'),
  use: z.literal('sig').optional().describe('The key verifies signatures.'),
};
/** A public key as JWK (RFC 7517). A private JWK is refused: nobody should pass one around in a configuration file. */
export const PublicKey = z
  .discriminatedUnion('kty', [
    z
      .strictObject({
        kty: z.literal('EC').describe('The type of key.'),
        crv: z.enum(['P-256', 'P-384']).describe('The curve.'),
        x: z.string().describe('The x coordinate, in base64url.'),
        y: z.string().describe('The y coordinate, in base64url.'),
        ...common,
      })
      .describe('A public key on a NIST curve.'),
    z
      .strictObject({
        kty: z.literal('OKP').describe('The type of key.'),
        crv: z.literal('Ed25519').describe('The curve.'),
        x: z.string().describe('The public key, in base64url.'),
        ...common,
      })
      .describe('An Ed25519 public key.'),
    z
      .strictObject({
        kty: z.literal('RSA').describe('The type of key.'),
        n: z.string().describe('The modulus, in base64url.'),
        e: z.string().describe('The exponent, in base64url.'),
        ...common,
      })
      .describe('An RSA public key.'),
  ])
  .meta({ title: 'Public key' });
export type PublicKey = z.infer<typeof PublicKey>;
