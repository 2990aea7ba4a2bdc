import { z } from 'zod';
import { HttpUrl } from './fields.js';
import { PublicKey } from './public-key.js';

/**
 * Enterprise-managed authorization: what this provider asserts about a human and an agent (ID-JAG,
 * draft-ietf-oauth-identity-assertion-authz-grant) is their sign-in and their consent. Without this field nothing of it is taken.
 */
export const IdentityAssertions = z.strictObject({
  /** The agents it may be done for; all that authenticate, unless said. */
  clientIds: z.array(z.string().min(1).max(2048)).min(1).max(256).optional(),
  /** Where the keys are that sign them; otherwise the provider's own. */
  jwksUri: HttpUrl.optional(),
  /** Or the public keys themselves. */
  keys: z.array(PublicKey).min(1).max(16).optional(),
});
