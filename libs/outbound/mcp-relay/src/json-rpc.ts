import { endOfString, rewriteJson } from '@sallyport/kernel/json';

export type JsonObject = Record<string, unknown>;
export type RequestId = string | number;

/** One message of a server, parsed once; `json` is the text as it came. */
export interface ServerMessage {
  readonly json: string;
  readonly value: JsonObject;
  /**
   * A key stands twice in the message or its result: who takes the first reads something else in `json` than `value`.
   */
  readonly repeatsKeys?: true | undefined;
  /**
   * Of a request of the server's own: answers it. `answer` holds a `result` or an `error`; only the first one counts.
   */
  readonly respond?: ((answer: JsonObject) => void) | undefined;
  /** Of a response that is too large to hold, and not whole yet: it goes on. Only where `maxLargeBytes` allowed it. */
  readonly large?: LargeText | undefined;
}

/**
 * A long text in the middle of a message. Both `json` and `value` of the message end with it, as if nothing more came.
 */
export interface LargeText {
  /** Stands for the text in `json` and `value`. */
  readonly marker: string;
  /** What stands between its quotes, in pieces of whole characters (UTF-8); to be taken wholly. */
  readonly text: AsyncIterable<Uint8Array>;
  /** The message up to its next long text, or all of it, after `text` was taken. `undefined`: it is no message. */
  readonly next: () => Promise<ServerMessage | undefined>;
  /** Told of each part of `text` that is kept, in bytes; throws where there is no room for it. */
  readonly hold: (bytes: number) => void;
  /** Nothing more of it is wanted. */
  readonly cancel: () => void;
}

/**
 * Another value as JSON: what it has of the message stands in it as the server wrote it, unless that could be read in
 * two ways.
 */
export const inWordsOf = (message: Pick<ServerMessage, 'json' | 'value' | 'repeatsKeys'>, value: JsonObject): string =>
  message.repeatsKeys === true ? JSON.stringify(value) : rewriteJson(message, value);

/** The same message, of a response not whole yet also what comes of it, with another value. */
export function withValue(message: ServerMessage, change: JsonObject): ServerMessage {
  const value = { ...message.value, ...change };
  const { large } = message;
  const next =
    large &&
    (async () => {
      const known = await large.next();
      return known && withValue(known, change);
    });
  return {
    ...message,
    value,
    json: inWordsOf(message, value),
    ...(large === undefined || next === undefined ? {} : { large: { ...large, next } }),
  };
}

export const isJsonObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The answer to request `id`: a result or an error. Everything else a server sends is a notification or a request of
 * its own. Some servers write the number they were asked with as text; it is the same id all the same.
 */
export function isResponseTo(message: ServerMessage, id: RequestId): boolean {
  return (
    (message.value['id'] === id || (typeof id === 'number' && message.value['id'] === String(id))) &&
    !('method' in message.value) &&
    ('result' in message.value || 'error' in message.value)
  );
}

/** May stand before JSON, and means nothing (RFC 8259 section 8.1). */
const BYTE_ORDER_MARK = '\uFEFF';

/** A JSON-RPC error, as far as it can be passed on. */
export interface SaidError {
  readonly code: number;
  readonly message: string;
}

/**
 * The error a message carries: a code that is none, and words that are none, are put in the place of what is missing.
 */
export function errorIn({ value: { error } }: Pick<ServerMessage, 'value'>): SaidError | undefined {
  if (typeof error === 'string') return { code: INTERNAL_ERROR, message: error };
  if (!isJsonObject(error)) return undefined;
  const { code, message } = error;
  return {
    code: Number.isSafeInteger(code) ? (code as number) : INTERNAL_ERROR,
    message: typeof message === 'string' ? message : 'The server gave no reason.',
  };
}
const INTERNAL_ERROR = -32603;

/** Deeper than any message of the protocol; what nests further cannot be serialised again. */
const MAX_DEPTH = 256;

export function parseMessage(text: string): ServerMessage | undefined {
  const json = text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  const members = countMembers(json);
  if (members === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(json);
    if (!isJsonObject(value) || value['jsonrpc'] !== '2.0') return undefined;
    const inner = Object.values(value).reduce<number>(
      (count, member) => count + (isJsonObject(member) ? Object.keys(member).length : 0),
      0,
    );
    return members.outer === Object.keys(value).length && members.inner === inner
      ? { json, value }
      : { json, value, repeatsKeys: true };
  } catch {
    return undefined; // not JSON: the caller says what that means
  }
}

/**
 * Of JSON text: how many members the message has, and the objects in it; says nothing about whether the text is JSON.
 * `undefined` when it nests too deeply.
 */
function countMembers(json: string): { readonly outer: number; readonly inner: number } | undefined {
  let depth = 0;
  let outer = 0;
  let inner = 0;
  for (let i = 0; i < json.length; i++) {
    switch (json.charCodeAt(i)) {
      case 0x22: // "
        i = endOfString(json, i);
        break;
      case 0x3a: // :
        if (depth === 1) outer += 1;
        else if (depth === 2) inner += 1;
        break;
      case 0x5b:
      case 0x7b: // [ {
        if (++depth > MAX_DEPTH) return undefined;
        break;
      case 0x5d:
      case 0x7d: // ] }
        depth -= 1;
        break;
    }
  }
  return { outer, inner };
}
