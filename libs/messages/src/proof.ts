import { z } from 'zod';

/**
 * DPoP proofs a gateway has just accepted, so that no other one accepts them again. Each is a digest of key and `jti`,
 * and until when (seconds since the epoch) the proof would be recent enough.
 */
export const ProofsSeen = z.object({ v: z.literal(1), seen: z.array(z.tuple([z.string().regex(/^[A-Za-z0-9_-]{22}$/), z.int()])).max(2_000) });
export type ProofsSeen = z.infer<typeof ProofsSeen>;
