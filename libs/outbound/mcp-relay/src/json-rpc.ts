export type JsonObject = Record<string, unknown>;
export type RequestId = string | number;

/** One message of a server, parsed once; `json` is the text as it came. */
export interface ServerMessage {
  readonly json: string;
  readonly value: JsonObject;
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
  if (nestsTooDeeply(json)) return undefined;
  try {
    const value: unknown = JSON.parse(json);
    return isJsonObject(value) && value['jsonrpc'] === '2.0' ? { json, value } : undefined;
  } catch {
    return undefined; // not JSON: the caller says what that means
  }
}

/** Counts brackets outside strings; says nothing about whether the text is JSON. */
function nestsTooDeeply(json: string): boolean {
  let depth = 0;
  for (let i = 0; i < json.length; i++) {
    switch (json.charCodeAt(i)) {
      case 0x22: // "
        for (i++; i < json.length && json.charCodeAt(i) !== 0x22; i++) if (json.charCodeAt(i) === 0x5c) i++;
        break;
      case 0x5b: case 0x7b: // [ {
        if (++depth > MAX_DEPTH) return true;
        break;
      case 0x5d: case 0x7d: // ] }
        depth -= 1;
        break;
    }
  }
  return false;
}
