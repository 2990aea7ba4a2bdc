/** Deeper nesting than any message of the protocol needs. */
const MAX_DEPTH = 64;
/** Wider objects than any message needs. To list the keys of one takes as long as there are many, wherever it is looked at. */
const MAX_KEYS = 10_000;

/**
 * JSON without duplicate object keys (security rule S10): two readers of `{"name":"a","name":"b"}` may see two tools.
 * Keys are compared after unescaping. `undefined` for what is no JSON, has duplicates, nests too
 * deeply, has an object of too many keys or holds a number no double can hold.
 */
export function parseStrictJson(text: string): { value: unknown } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // not JSON; the caller words the refusal
  }
  return hasUniqueKeys(text) && !(MAY_OVERFLOW.test(text) && holdsInfinity(value)) ? { value } : undefined;
}

/** Only such a number can be too large for a double; most text that looks so is none. */
const MAY_OVERFLOW = /[0-9][eE]\+?[0-9]{2}|[0-9]{300}/;

/** JSON has no infinity: such a number would be decided on as one and sent on as `null`. Nesting is bounded by now. */
function holdsInfinity(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsInfinity);
}

/** Walks text that is known to be JSON. */
function hasUniqueKeys(text: string): boolean {
  const open: (Set<string> | undefined)[] = []; // a set per object, nothing per array
  let expectsKey = false;
  for (let i = 0; i < text.length; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: { // "
        const start = i;
        for (i++; text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
        if (!expectsKey) break;
        const raw = text.slice(start + 1, i);
        const key: unknown = raw.includes('\\') ? JSON.parse(`"${raw}"`) : raw;
        const keys = open.at(-1);
        if (typeof key !== 'string' || keys === undefined || keys.has(key) || keys.size === MAX_KEYS) return false;
        keys.add(key);
        expectsKey = false;
        break;
      }
      case 0x7b: // {
        open.push(new Set());
        expectsKey = true;
        break;
      case 0x5b: // [
        open.push(undefined);
        expectsKey = false;
        break;
      case 0x7d: case 0x5d: // } ]
        open.pop();
        expectsKey = false;
        break;
      case 0x2c: // ,
        expectsKey = open.at(-1) !== undefined;
        break;
    }
    if (open.length > MAX_DEPTH) return false;
  }
  return true;
}
