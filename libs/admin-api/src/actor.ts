import { z } from 'zod';

/**
 * Who did something: a user who signed in, a machine agent by its client id, whoever held the administrator token, or
 * the declarative file at a start.
 */
export const Actor = z.object({
  type: z.enum(['user', 'agent', 'token', 'file']),
  id: z.string(),
  name: z.string().optional(),
});
export type Actor = z.infer<typeof Actor>;
