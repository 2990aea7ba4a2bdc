import { z } from 'zod';
import { Name } from './fields.js';

/** Users, by what one identity provider asserts about them (security rule S1). */
export const Members = z.strictObject({
  trustProvider: Name,
  groups: z.array(z.string().min(1)).max(256).optional(),
  /** Values of the provider's roles claim. */
  providerRoles: z.array(z.string().min(1)).max(256).optional(),
  subjects: z.array(z.string().min(1)).max(1024).optional(),
});
export type Members = z.infer<typeof Members>;
