import { z } from 'zod';

const MAX_BYTES = 256 * 1024;
const MAX_KEYS = 64;

/** A JWK Set (RFC 7517 section 5) of keys of this form. */
export const keySetOf = <T extends z.ZodType>(key: T) => z.object({ keys: z.array(key).max(MAX_KEYS) });

/**
 * Reads the JSON of a published document.
 * @param publisher for messages, e.g. `keys.example`
 * @throws Error when it is not there, too large, or no JSON
 */
export async function readPublished(response: Response, publisher: string): Promise<unknown> {
  if (!response.ok) throw new Error(`${publisher} answered ${response.status}`);
  const text = await response.text();
  if (text.length > MAX_BYTES) throw new Error(`${publisher} sent a document that is too large`);
  return JSON.parse(text);
}
