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
  let text = '{';
  for (const name of Object.keys(members).sort()) {
    const member = members[name];
    if (member === undefined) continue;
    if (text.length > 1) text += ',';
    text += `${JSON.stringify(name)}:${canonicalJson(member)}`;
  }
  return `${text}}`;
}
