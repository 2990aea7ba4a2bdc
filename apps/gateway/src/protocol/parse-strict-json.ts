import { endOfString } from '@sallyport/kernel/json';
import type { JsonSource } from '@sallyport/kernel/json';

/** Deeper nesting than any message of the protocol needs. */
const MAX_DEPTH = 64;
/**
 * Wider objects than any message needs. To list the keys of one takes as long as there are many, wherever it is looked
 * at.
 */
const MAX_KEYS = 10_000;

/**
 * JSON without duplicate object keys (security rule S10): two readers of `{"name":"a","name":"b"}` may see two tools.
 * Keys are compared after unescaping. `undefined` for what is no JSON, has duplicates, nests too
 * deeply, has an object of too many keys or holds a number no double can hold.
 */
export function parseStrictJson(text: string): JsonSource | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // not JSON; the caller words the refusal
  }
  const found = inspect(text);
  return found === 'refused' || (found === 'large-numbers' && holdsInfinity(value)) ? undefined : { json: text, value };
}

/** Digits of a number that may be too large for a double; so may any with an exponent. */
const MANY_DIGITS = 300;

/** JSON has no infinity: such a number would be decided on as one and sent on as `null`. Nesting is bounded by now. */
function holdsInfinity(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsInfinity);
}

/** Walks text that is known to be JSON, once, whatever it holds. */
function inspect(text: string): 'refused' | 'large-numbers' | 'plain' {
  const open: (Set<string> | 'empty' | undefined)[] = []; // a set per object that has keys, nothing per array
  let expectsKey = false;
  let digits = 0;
  let hasLargeNumbers = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x30 && code <= 0x39) {
      digits++;
      continue;
    }
    if (digits >= MANY_DIGITS || (digits > 0 && (code === 0x65 || code === 0x45))) hasLargeNumbers = true; // e, E
    digits = 0;
    switch (code) {
      case 0x22: {
        // "
        const start = i;
        i = endOfString(text, start);
        if (!expectsKey) break;
        const raw = text.slice(start + 1, i);
        const key: unknown = raw.includes('\\') ? JSON.parse(`"${raw}"`) : raw;
        const keys = keysOf(open);
        if (typeof key !== 'string' || keys.has(key) || keys.size === MAX_KEYS) return 'refused';
        keys.add(key);
        expectsKey = false;
        break;
      }
      case 0x7b: // {
        open.push('empty');
        expectsKey = true;
        break;
      case 0x5b: // [
        open.push(undefined);
        expectsKey = false;
        break;
      case 0x7d:
      case 0x5d: // } ]
        open.pop();
        expectsKey = false;
        break;
      case 0x2c: // ,
        expectsKey = open.at(-1) !== undefined;
        break;
    }
    if (open.length > MAX_DEPTH) return 'refused';
  }
  return hasLargeNumbers || digits >= MANY_DIGITS ? 'large-numbers' : 'plain';
}

/** Of the innermost object; most have none or few. */
function keysOf(open: (Set<string> | 'empty' | undefined)[]): Set<string> {
  const keys = open.at(-1);
  if (keys instanceof Set) return keys;
  const made = new Set<string>();
  open[open.length - 1] = made;
  return made;
}
