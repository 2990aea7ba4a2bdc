export type JsonObject = Record<string, unknown>;
export type RequestId = string | number;

/** One message of a server, parsed once; `json` is the text as it came. */
export interface ServerMessage {
  readonly json: string;
  readonly value: JsonObject;
  /** A key stands twice in the message or its result: who takes the first reads something else in `json` than `value`. */
  readonly repeatsKeys?: true | undefined;
  /** Of a request of the server's own: answers it. `answer` holds a `result` or an `error`; only the first one counts. */
  readonly respond?: ((answer: JsonObject) => void) | undefined;
}

export const isJsonObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The answer to request `id`: a result or an error. Everything else a server sends is a notification or a request of its own. */
export function isResponseTo(message: ServerMessage, id: RequestId): boolean {
  return message.value['id'] === id && !('method' in message.value) && ('result' in message.value || 'error' in message.value);
}

/** Deeper than any message of the protocol; what nests further cannot be serialised again. */
const MAX_DEPTH = 256;

export function parseMessage(json: string): ServerMessage | undefined {
  const members = countMembers(json);
  if (members === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(json);
    if (!isJsonObject(value) || value['jsonrpc'] !== '2.0') return undefined;
    const inner = Object.values(value).reduce<number>((count, member) => count + (isJsonObject(member) ? Object.keys(member).length : 0), 0);
    return members.outer === Object.keys(value).length && members.inner === inner ? { json, value } : { json, value, repeatsKeys: true };
  } catch {
    return undefined; // not JSON: the caller says what that means
  }
}

/** Of JSON text: how many members the message has, and the objects in it; says nothing about whether the text is JSON. `undefined` when it nests too deeply. */
function countMembers(json: string): { readonly outer: number; readonly inner: number } | undefined {
  let depth = 0;
  let outer = 0;
  let inner = 0;
  for (let i = 0; i < json.length; i++) {
    switch (json.charCodeAt(i)) {
      case 0x22: // "
        for (i++; i < json.length && json.charCodeAt(i) !== 0x22; i++) if (json.charCodeAt(i) === 0x5c) i++;
        break;
      case 0x3a: // :
        if (depth === 1) outer += 1;
        else if (depth === 2) inner += 1;
        break;
      case 0x5b: case 0x7b: // [ {
        if (++depth > MAX_DEPTH) return undefined;
        break;
      case 0x5d: case 0x7d: // ] }
        depth -= 1;
        break;
    }
  }
  return { outer, inner };
}
