/**
 * JSON as text: parts of it can be written again as they came, digit for digit. A value that was parsed cannot give
 * that back: `1.0`, `1e3` and `9007199254740993` have other texts as doubles, and the last one another value.
 */

/** Where a part of a text begins, and the place after its end. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A value and the text it was read from. */
export interface JsonSource {
  readonly json: string;
  readonly value: unknown;
}

/**
 * Where a string of JSON that begins at `start` has its closing quote. A long text is passed over as fast as memory is
 * read.
 */
export function endOfString(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); end !== -1; end = json.indexOf('"', end + 1)) {
    let escapes = 0;
    while (json.charCodeAt(end - 1 - escapes) === 0x5c) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return json.length;
}

/**
 * Members of the object that `json` is, by name; of a name that stands twice the last, as `JSON.parse` has it. Nothing
 * for what is no object.
 */
export function membersOf(json: string): ReadonlyMap<string, Span> {
  const members = new Map<string, Span>();
  let key: string | undefined;
  walkParts(json, '{', (start, end, isKey) => {
    if (isKey) key = JSON.parse(json.slice(start, end)) as string;
    else if (key !== undefined) members.set(key, { start, end });
  });
  return members;
}

/** Elements of the array that `json` is. Nothing for what is no array. */
export function elementsOf(json: string): readonly Span[] {
  const elements: Span[] = [];
  walkParts(json, '[', (start, end) => elements.push({ start, end }));
  return elements;
}

/** Elements of the array that `json` is, each with its value. */
export function sourcesIn(json: string, values: readonly unknown[]): JsonSource[] {
  return elementsOf(json).map(({ start, end }, index) => ({ json: json.slice(start, end), value: values[index] }));
}

/** The text of what a path of member names leads to, from the object that `json` is. */
export function textAt(json: string, path: readonly string[]): string | undefined {
  let text = json;
  for (const name of path) {
    const span = membersOf(text).get(name);
    if (span === undefined) return undefined;
    text = text.slice(span.start, span.end);
  }
  return text;
}

/**
 * `after` as JSON. What it has in common with the value of a source, by identity, stands in it as in the source's text;
 * only what differs is written anew.
 */
export function rewriteJson({ json, value: before }: JsonSource, after: unknown): string {
  return rewrite(json, before, after);
}

function rewrite(json: string, before: unknown, after: unknown): string {
  if (Object.is(before, after)) return json.trim();
  if (Array.isArray(before) && Array.isArray(after)) return rewriteArray(json, before, after);
  if (isObject(before) && isObject(after)) return rewriteObject(json, before, after);
  return isObject(after) ? `{${membersAround(json, before, after).join(',')}}` : (JSON.stringify(after) ?? 'null');
}

/** What was no object may have become a member of one. */
function membersAround(json: string, before: unknown, after: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(after).flatMap(([name, value]) =>
    value === undefined
      ? []
      : [`${JSON.stringify(name)}:${Object.is(before, value) ? json.trim() : JSON.stringify(value)}`],
  );
}

/** Texts are put together by `+`, which copies nothing: a long one is copied once, when it is sent. */
function rewriteObject(
  json: string,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): string {
  const members = membersOf(json);
  let written = '';
  for (const [name, value] of Object.entries(after)) {
    if (value === undefined) continue;
    const span = Object.hasOwn(before, name) ? members.get(name) : undefined;
    written += `${written === '' ? '' : ','}${JSON.stringify(name)}:`;
    written +=
      span === undefined ? JSON.stringify(value) : rewrite(json.slice(span.start, span.end), before[name], value);
  }
  return `{${written}}`;
}

/**
 * An element is what stood at its place before, or, where some were left out or put in, the one it is identical with.
 */
function rewriteArray(json: string, before: readonly unknown[], after: readonly unknown[]): string {
  const elements = elementsOf(json);
  const placeOf =
    before.length === after.length ? undefined : new Map(before.map((element, index) => [element, index]));
  let written = '';
  for (const [index, element] of after.entries()) {
    const place = placeOf === undefined ? index : typeof element === 'object' ? placeOf.get(element) : undefined;
    const span = place === undefined ? undefined : elements[place];
    if (index > 0) written += ',';
    written +=
      span === undefined || place === undefined
        ? (JSON.stringify(element) ?? 'null')
        : rewrite(json.slice(span.start, span.end), before[place], element);
  }
  return `[${written}]`;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Tells of each key and value, or element, of the outermost object or array: its text without what is around it. */
function walkParts(json: string, opening: '{' | '[', part: (start: number, end: number, isKey: boolean) => void): void {
  let i = 0;
  while (isSpace(json.charCodeAt(i))) i++;
  if (json[i] !== opening) return;
  let expectsKey = opening === '{';
  for (i++; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (isSpace(code) || code === 0x2c || code === 0x3a) continue; // , :
    if (code === 0x7d || code === 0x5d) return; // } ]
    const end = endOfValue(json, i);
    part(i, end, expectsKey);
    if (opening === '{') expectsKey = !expectsKey;
    i = end - 1;
  }
}

/** The place after a value that begins at `start`. */
function endOfValue(json: string, start: number): number {
  let depth = 0;
  for (let i = start; i < json.length; i++) {
    switch (json.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(json, i);
        if (depth === 0) return i + 1;
        break;
      case 0x7b:
      case 0x5b: // { [
        depth++;
        break;
      case 0x7d:
      case 0x5d: // } ]
        if (depth === 0) return i;
        if (--depth === 0) return i + 1;
        break;
      case 0x2c:
      case 0x20:
      case 0x0a:
      case 0x0d:
      case 0x09: // , and space
        if (depth === 0) return i;
        break;
    }
  }
  return json.length;
}

const isSpace = (code: number): boolean => code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;

/** Of fewer digits every number is the value of its nearest double, written shortest. */
const SURE_DIGITS = 15;
/** Longer numbers are looked at one by one, as many as this: to look at one takes a microsecond. */
const MAX_LOOKED_AT = 5_000;

/**
 * The first number in JSON text whose nearest double has another value: whoever reads `9007199254740993` as a double
 * has read another number. Also the one after 5,000 long ones, which nobody looked at.
 */
export function inexactNumberIn(json: string): string | undefined {
  let looked = 0;
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code === 0x22) i = endOfString(json, i); // "
    else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      const end = endOfNumber(json, i);
      if (end - i > SURE_DIGITS || hasExponent(json, i, end)) {
        const number = json.slice(i, end);
        if (++looked > MAX_LOOKED_AT || !isExact(number)) return number;
      }
      i = end - 1;
    }
  }
  return undefined;
}

function endOfNumber(text: string, start: number): number {
  let end = start + 1;
  for (
    let code = text.charCodeAt(end);
    (code >= 0x30 && code <= 0x39) || code === 0x2e || code === 0x65 || code === 0x45 || code === 0x2b || code === 0x2d;
    code = text.charCodeAt(end)
  )
    end++;
  return end;
}

function hasExponent(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (text.charCodeAt(i) === 0x65 || text.charCodeAt(i) === 0x45) return true;
  return false;
}

/** Whether the nearest double of a number in JSON has the same value. */
export const isExact = (number: string): boolean => isSameNumber(number, String(Number(number)));

/** Whether two numbers in JSON have the same value, however each is written. */
export const isSameNumber = (one: string, other: string): boolean => decimalOf(one) === decimalOf(other);

/** Significant digits and exponent: equal texts are equal values. */
function decimalOf(number: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? [];
  if (whole === '') return number;
  const digits = whole + fraction;
  let first = 0;
  let end = digits.length;
  while (digits[first] === '0') first++;
  while (end > first && digits[end - 1] === '0') end--;
  return first === end
    ? '0'
    : `${sign}${digits.slice(first, end)}e${Number(exponent) - fraction.length + digits.length - end}`;
}
