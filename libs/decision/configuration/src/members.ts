import { z } from 'zod';
import { Name } from './fields.js';

/** Users, by what one identity provider asserts about them (security rule S1). */
export const Members = z.strictObject({
  trustProvider: Name.describe('The `TrustProvider` that asserts the rest. Alone, it means all its users.'),
  groups: z
    .array(z.string().min(1))
    .max(256)
    .optional()
    .describe('Groups at the identity provider; members of any of them belong.'),
  providerRoles: z.array(z.string().min(1)).max(256).optional().describe('Values of the provider’s roles claim.'),
  subjects: z
    .array(z.string().min(1))
    .max(1024)
    .optional()
    .describe('Single users, by their subject at the identity provider.'),
});
export type Members = z.infer<typeof Members>;
