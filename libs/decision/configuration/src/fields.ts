import { z } from 'zod';

/** A server id (security rule S12): the tool prefix and the routing key, so neither `_` nor upper case. */
export const ServerId = z
  .string()
  .max(24)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case letters, digits and single hyphens, at most 24');
/** What a document is called. */
export const Name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case letters, digits and single hyphens');

/** RFC 6749 section 3.3 scope-token; `*` alone is not a scope here (R33). */
export const Scope = z
  .string()
  .max(128)
  .regex(/^[\x21\x23-\x5B\x5D-\x7E]+$/, 'must be an RFC 6749 scope token')
  .refine((scope) => scope !== '*', 'there is no `*` scope');
export const HttpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an absolute http(s) URL' })
  .max(2048)
  .refine(
    (url) => !URL.canParse(url) || (new URL(url).username === '' && new URL(url).hash === ''),
    'must carry neither user information nor a fragment',
  );
export const Duration = z.string().regex(/^\d+(s|m|h|d)$/, 'must be a number and a unit: 30s, 15m, 12h or 7d');
/** Where a secret value is read when the document is loaded. The value itself never appears in a document or on the bus. */
export const SecretSource = z.union([
  z.strictObject({ env: z.string().regex(/^[A-Z][A-Z0-9_]*$/) }),
  z.strictObject({ file: z.string().min(1) }),
]);
export const Origin = z
  .url({ protocol: /^https?$/ })
  .max(512)
  .refine(
    (url) => URL.canParse(url) && new URL(url).origin === url,
    'must be an origin: scheme, host and port, without a path',
  );
