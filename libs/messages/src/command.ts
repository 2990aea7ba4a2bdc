import { z } from 'zod';

/**
 * A command of the control plane: a compact JWS by its configuration key, whose payload is `SignedCommand` of
 * `decision/configuration`.
 */
export const SignedCommandWire = z.object({ command: z.string().max(4_096) });
export type SignedCommandWire = z.infer<typeof SignedCommandWire>;

/** `refused`: not signed by the control plane, or too old. `not_ready`: it has no configuration to act on. */
export const CommandAnswer = z.object({ v: z.literal(1), outcome: z.enum(['done', 'refused', 'not_ready']) });
export type CommandAnswer = z.infer<typeof CommandAnswer>;
