import { DURATION, DURATION_WORDS } from '@sallyport/kernel';
import { z } from 'zod';

/** The name of an `McpServer`: tool names begin with it, so it has neither `_` nor upper case (security rule S12). */
export const ServerId = z
  .string()
  .max(24)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case letters, digits and single hyphens, at most 24');
/** The name of any other document. */
export const Name = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, 'must be lower-case letters, digits and single hyphens');

/** A scope-token (RFC 6749 section 3.3). `*` alone is none here (R33). */
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
/** A number and a unit, such as `90s`, `15m`, `12h` or `14d`. */
export const Duration = z.string().regex(DURATION, DURATION_WORDS);
/** Marks in a JSON Schema the fields that take a secret, for pages and editors. */
export const SECRET = 'x-sallyport-secret';
/**
 * Where a secret comes from: an environment variable or a file that is read when the document is written, or `stored`:
 * whoever wrote it gave the value beside it. The secret itself is never in a document or on the bus.
 */
export const SecretSource = z
  .union([
    z.strictObject({
      env: z
        .string()
        .regex(/^[A-Z][A-Z0-9_]*$/)
        .describe('The environment variable that holds the secret, where the document is written.'),
    }),
    z.strictObject({
      file: z.string().min(1).describe('The path of the file that holds the secret, where the document is written.'),
    }),
    z.strictObject({
      stored: z.literal(true).describe('The secret was given with the document, and is kept sealed.'),
    }),
  ])
  .meta({ title: 'Secret', [SECRET]: true });
/** An origin (RFC 6454), such as `https://mcp.example`. */
export const Origin = z
  .url({ protocol: /^https?$/ })
  .max(512)
  .refine(
    (url) => URL.canParse(url) && new URL(url).origin === url,
    'must be an origin: scheme, host and port, without a path',
  );
