export type JsonObject = Record<string, unknown>;
export type RequestId = string | number;

/** One message of a server, parsed once; `json` is the text as it came. */
export interface ServerMessage {
  readonly json: string;
  readonly value: JsonObject;
}

export const isJsonObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The answer to request `id`: a result or an error. Everything else a server sends is a notification or a request of its own. */
export function isResponseTo(message: ServerMessage, id: RequestId): boolean {
  return message.value['id'] === id && !('method' in message.value) && ('result' in message.value || 'error' in message.value);
}

export function parseMessage(json: string): ServerMessage | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isJsonObject(value) && value['jsonrpc'] === '2.0' ? { json, value } : undefined;
  } catch {
    return undefined; // not JSON: the caller says what that means
  }
}
