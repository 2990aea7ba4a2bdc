import { createHash } from 'node:crypto';

/** What a model reads of a tool, and what policies rely on; views and icons are the host's business. */
const MEMBERS = ['name', 'title', 'description', 'inputSchema', 'outputSchema', 'annotations'] as const;

/** SHA-256 of a tool's definition, in 64 hexadecimal digits: the same for the same content, however its JSON is written (security rule S14). */
export function digestOfTool(definition: Readonly<Record<string, unknown>>): string {
  return createHash('sha256')
    .update(
      canonicalJson(
        Object.fromEntries(
          MEMBERS.flatMap((member) => (definition[member] === undefined ? [] : [[member, definition[member]]])),
        ),
      ),
    )
    .digest('hex');
}

/** Members in the order of their names, nothing else different from `JSON.stringify` (RFC 8785). */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}
