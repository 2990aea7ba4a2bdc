import { z } from 'zod';

/**
 * What the gateway seals to the control plane's lease key. The token is bound to the request it was sealed for:
 * whoever copies the ciphertext off the bus into a request of their own, even with an enrolled key, is refused (B17).
 */
export const SealedToken = z.object({
  token: z.string().min(1).max(16_384),
  replica: z.string(),
  nonce: z.string(),
  ephemeralKeyThumbprint: z.string(),
});
export type SealedToken = z.infer<typeof SealedToken>;
