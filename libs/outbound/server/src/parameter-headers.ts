import { isExact, isSameNumber, textAt } from '@sallyport/kernel/json';
import type { JsonSource } from '@sallyport/kernel/json';

/** A tool argument that travels as `Mcp-Param-<name>` as well (2026-07-28, transport, `x-mcp-header`). */
export interface ParameterHeader {
  /** As declared; header names compare without case. */
  readonly name: string;
  /** Property names from the root of the arguments. */
  readonly path: readonly string[];
  readonly type: 'string' | 'integer' | 'boolean';
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const DECIMAL = /^-?(0|[1-9]\d*)(\.0+)?$/;
const MAX_DEPTH = 32;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The declarations in a tool's input schema; `invalid` when one stands where or on what it must not, and the tool is
 * dropped.
 */
export function findParameterHeaders(inputSchema: unknown): readonly ParameterHeader[] | 'invalid' {
  const found: ParameterHeader[] = [];
  const names = new Set<string>();
  const visit = (schema: unknown, path: readonly string[], reachable: boolean, depth: number): boolean => {
    if (depth > MAX_DEPTH) return false;
    if (Array.isArray(schema)) return schema.every((element) => visit(element, path, false, depth + 1));
    if (!isObject(schema)) return true;
    const name = schema['x-mcp-header'];
    if (name !== undefined) {
      const type = schema['type'];
      if (!reachable || path.length === 0 || typeof name !== 'string' || !TOKEN.test(name)) return false;
      if (type !== 'string' && type !== 'integer' && type !== 'boolean') return false;
      if (names.has(name.toLowerCase())) return false;
      names.add(name.toLowerCase());
      found.push({ name, path, type });
    }
    return Object.entries(schema).every(([keyword, value]) => {
      if (keyword === 'properties' && isObject(value))
        return Object.entries(value).every(([key, child]) => visit(child, [...path, key], reachable, depth + 1));
      // Data, not schemas: an example may well hold a property of that name.
      if (['const', 'enum', 'default', 'examples', 'x-mcp-header'].includes(keyword)) return true;
      if (['$defs', 'definitions', 'patternProperties', 'dependentSchemas'].includes(keyword) && isObject(value))
        return Object.values(value).every((child) => visit(child, path, false, depth + 1));
      return visit(value, path, false, depth + 1);
    });
  };
  return visit(inputSchema, [], true, 0) ? found : 'invalid';
}

/** The headers for these arguments, computed from the server's own schema. Absent and null arguments have none. */
export function parameterHeaders(declarations: readonly ParameterHeader[], args: JsonSource): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { name, path } of declarations) {
    const value = valueAt(args.value, path);
    if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number')
      headers[`mcp-param-${name.toLowerCase()}`] = encodeHeaderValue(
        typeof value === 'number' ? numberAt(args, path, value) : String(value),
      );
  }
  return headers;
}

/** The first declared header that is missing, malformed or disagrees with the arguments. */
export function mismatchedParameterHeader(
  declarations: readonly ParameterHeader[],
  args: JsonSource,
  header: (name: string) => string | undefined,
): string | undefined {
  for (const { name, path, type } of declarations) {
    const value = valueAt(args.value, path);
    if (typeof value !== 'string' && typeof value !== 'boolean' && typeof value !== 'number') continue;
    const field = `mcp-param-${name.toLowerCase()}`;
    const sent = header(field);
    const decoded = sent === undefined ? undefined : decodeHeaderValue(sent);
    if (decoded === undefined) return field;
    const equal =
      typeof value !== 'number'
        ? decoded === String(value)
        : type === 'integer' && DECIMAL.test(decoded)
          ? isSameNumber(decoded, numberAt(args, path, value))
          : decoded === numberAt(args, path, value);
    if (!equal) return field;
  }
  return undefined;
}

/** As JavaScript writes it, where that is the same number: with all its digits where it is not. */
function numberAt({ json }: JsonSource, path: readonly string[], value: number): string {
  const number = textAt(json, path);
  return number === undefined || isExact(number) ? String(value) : number;
}

/** Non-ASCII, padded and ambiguous values travel as `=?base64?…?=`. */
export function encodeHeaderValue(value: string): string {
  if (/^[\x21-\x7E]([\x20-\x7E]*[\x21-\x7E])?$/.test(value) && !/^=\?base64\?.*\?=$/i.test(value)) return value;
  return `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}

/** `undefined` when the value claims to be encoded and is not canonical Base64 of UTF-8. */
export function decodeHeaderValue(value: string): string | undefined {
  const encoded = /^=\?base64\?(.*)\?=$/i.exec(value.trim())?.[1];
  if (encoded === undefined) return value.trim();
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.toString('base64') !== encoded) return undefined;
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? text : undefined;
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  let node = root;
  for (const key of path) {
    if (!isObject(node) || !Object.hasOwn(node, key)) return undefined;
    node = node[key];
  }
  return node;
}
