/**
 * JSON in the one form that hashes are made of (RFC 8785): members sorted by their names' UTF-16 code units, no space,
 * numbers and strings as ECMAScript writes them, which is what `JSON.stringify` does. A member that is undefined is not
 * there.
 * @param value of JSON: no number that is not finite, no text that is not well-formed
 */
export function canonicalJson(value: unknown): string {
  const sorted = sortedCopy(value);
  return sorted === undefined ? writtenByMember(value) : JSON.stringify(sorted);
}

type Members = Readonly<Record<string, unknown>>;

const isLeaf = (value: unknown): boolean => typeof value !== 'object' || value === null;

/** An object has names of digits first and in the order of numbers, and no member of this name by assignment. */
const ZERO = 0x30;
const NINE = 0x39;
const keepsItsPlace = (name: string): boolean => {
  const first = name.charCodeAt(0);
  return !(first >= ZERO && first <= NINE) && name !== '__proto__';
};

/** @returns undefined where an object cannot have its members in order */
function sortedCopy(value: unknown): unknown {
  if (isLeaf(value)) return value;
  if (Array.isArray(value)) {
    const copies = value.map(sortedCopy);
    return copies.includes(undefined) ? undefined : copies;
  }
  const members = value as Members;
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(members).sort()) {
    if (members[name] === undefined) continue;
    const member = keepsItsPlace(name) ? sortedCopy(members[name]) : undefined;
    if (member === undefined) return undefined;
    copy[name] = member;
  }
  return copy;
}

/** The same text, one piece after the other: it takes several times as long. */
function writtenByMember(value: unknown): string {
  if (isLeaf(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((one) => writtenByMember(one)).join(',')}]`;
  const members = value as Members;
  const there = Object.keys(members).filter((name) => members[name] !== undefined);
  return `{${there
    .sort()
    .map((name) => `${JSON.stringify(name)}:${writtenByMember(members[name])}`)
    .join(',')}}`;
}
