import { createHash } from 'node:crypto';
import { elementsOf, isExact, membersOf } from '@sallyport/kernel/json';
import type { JsonSource } from '@sallyport/kernel/json';

/** What a model reads of a tool, and what policies rely on; views and icons are the host's business. */
const MEMBERS: ReadonlySet<string> = new Set([
  'name',
  'title',
  'description',
  'inputSchema',
  'outputSchema',
  'annotations',
]);

/** SHA-256 of a tool's definition, 64 hexadecimal digits, whatever way its JSON is written (security rule S14). */
export function digestOfTool({ json }: JsonSource): string {
  return createHash('sha256')
    .update(canonicalObject(json, (name) => MEMBERS.has(name)))
    .digest('hex');
}

/** RFC 8785: members in the order of their names, no space. A number that no double can stand for keeps its digits. */
function canonicalJson(json: string): string {
  switch (json[0]) {
    case '{':
      return canonicalObject(json, () => true);
    case '[':
      return `[${elementsOf(json)
        .map(({ start, end }) => canonicalJson(json.slice(start, end)))
        .join(',')}]`;
    case '"':
    case 't':
    case 'f':
    case 'n':
      return JSON.stringify(JSON.parse(json));
    default:
      return isExact(json) ? JSON.stringify(Number(json)) : json;
  }
}

function canonicalObject(json: string, isOf: (name: string) => boolean): string {
  const members = [...membersOf(json)].filter(([name]) => isOf(name)).sort(([a], [b]) => (a < b ? -1 : 1));
  const texts = members.map(
    ([name, { start, end }]) => `${JSON.stringify(name)}:${canonicalJson(json.slice(start, end))}`,
  );
  return `{${texts.join(',')}}`;
}
