/** Names of members as they are written, with the colon. Few are met, again and again; a stranger's are not kept. */
const written = new Map<string, string>();
const MOST_WRITTEN = 1_000;

/**
 * JSON in the one form that hashes are made of (RFC 8785): members sorted by their names' UTF-16 code units, no space,
 * numbers and strings as ECMAScript writes them, which is what `JSON.stringify` does. A member that is undefined is not
 * there.
 * @param value of JSON: no number that is not finite, no text that is not well-formed
 */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((one) => canonicalJson(one)).join(',')}]`;
  const members = value as Readonly<Record<string, unknown>>;
  let text = '';
  for (const name of Object.keys(members).sort()) {
    const member = members[name];
    if (member === undefined) continue;
    text += `${text === '' ? '' : ','}${nameOf(name)}${canonicalJson(member)}`;
  }
  return `{${text}}`;
}

function nameOf(name: string): string {
  const known = written.get(name);
  if (known !== undefined) return known;
  const text = `${JSON.stringify(name)}:`;
  if (written.size < MOST_WRITTEN) written.set(name, text);
  return text;
}
