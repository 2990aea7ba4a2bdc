import { z } from 'zod';
import { HttpUrl } from './fields.js';
import { PublicKey } from './public-key.js';

/**
 * Enterprise-managed authorization: an assertion of this identity provider about a user and an agent replaces the
 * sign-in and the consent (ID-JAG, draft-ietf-oauth-identity-assertion-authz-grant). Without this field no assertion of
 * the provider is accepted.
 */
export const IdentityAssertions = z.strictObject({
  clientIds: z
    .array(z.string().min(1).max(2048))
    .min(1)
    .max(256)
    .optional()
    .describe('The agents that may present an assertion; by default every agent that authenticates.'),
  jwksUri: HttpUrl.optional().describe('The URL of the keys that sign assertions; by default the provider’s own.'),
  keys: z.array(PublicKey).min(1).max(16).optional().describe('The public keys themselves, instead of a URL.'),
});
