import { z } from 'zod';

const isEmpty = (value: unknown): boolean =>
  value === null || value === '' || (Array.isArray(value) && value.length === 0);
const Described = z.record(z.string(), z.unknown());

/**
 * Takes the members away to which an agent gives no value. `null`, an empty text and an empty list are what different
 * libraries write for a member they have nothing for, and each means the default (RFC 7591 section 2: "if omitted").
 */
export function dropEmptyMembers(metadata: object): void {
  for (const [name, value] of Object.entries(metadata)) if (isEmpty(value)) Reflect.deleteProperty(metadata, name);
}

/** The same, of a document that was fetched; what is too large or no object is left to whoever judges it. */
export async function withoutEmptyMembers(response: Response, maxBytes: number): Promise<Response> {
  if (response.status !== 200) return response;
  const text = await response.text();
  const again = (body: string) => new Response(body, { status: 200, headers: response.headers });
  if (Buffer.byteLength(text) > maxBytes) return again(text);
  const parsed = Described.safeParse(parseOrNothing(text));
  if (!parsed.success || !Object.values(parsed.data).some(isEmpty)) return again(text);
  dropEmptyMembers(parsed.data);
  return again(JSON.stringify(parsed.data));
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
