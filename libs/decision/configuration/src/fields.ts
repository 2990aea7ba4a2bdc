import { z } from 'zod';

/** RFC 6749 section 3.3 scope-token; `*` alone is not a scope here (R33). */
export const Scope = z.string().max(128).regex(/^[\x21\x23-\x5B\x5D-\x7E]+$/, 'must be an RFC 6749 scope token').refine((scope) => scope !== '*', 'there is no `*` scope');
export const HttpUrl = z.url({ protocol: /^https?$/, error: 'must be an absolute http(s) URL' }).max(2048).refine((url) => !URL.canParse(url) || (new URL(url).username === '' && new URL(url).hash === ''), 'must carry neither user information nor a fragment');
export const Duration = z.string().regex(/^\d+(s|m|h|d)$/, 'must be a number and a unit: 30s, 15m, 12h or 7d');
/** Where a secret value is read when the document is loaded. The value itself never appears in a document or on the bus. */
export const SecretSource = z.union([z.strictObject({ env: z.string().regex(/^[A-Z][A-Z0-9_]*$/) }), z.strictObject({ file: z.string().min(1) })]);
