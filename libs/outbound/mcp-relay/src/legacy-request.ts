import type { JsonSource } from '@sallyport/kernel/json';
import { isJsonObject } from './json-rpc.js';
import type { JsonObject, ServerMessage } from './json-rpc.js';
import { messageText, passedMeta, traceMember } from './modern-request.js';

/** The newest version that has `initialize`; what a server answers with is what is spoken. */
export const LEGACY_VERSION = '2025-11-25';
const SPOKEN = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];

export const isSpokenLegacyVersion = (version: unknown): version is string =>
  typeof version === 'string' && SPOKEN.includes(version);

/** A request of 2025-11-25 or older: the value that was decided on; the words of the new era stay behind. */
export function legacyRequest(request: {
  readonly id: number;
  readonly method: string;
  readonly params: JsonObject;
  readonly meta: JsonObject | undefined;
  /** As in `ModernRequest`. */
  readonly traceparent?: string | undefined;
  readonly source?: JsonSource | undefined;
  /** As in `ModernRequest`. */
  readonly texts?: Readonly<Record<string, string>> | undefined;
}): string {
  const passed = passedMeta(request);
  const meta = { ...Object.fromEntries(passed), ...traceMember(request.traceparent) };
  const { requestState: _state, inputResponses: _responses, ...params } = request.params;
  return messageText({ ...request, params }, Object.keys(meta).length > 0 ? meta : undefined, passed.length > 0);
}

/** Headers of everything after `initialize` (2025-06-18, transports). */
export function sessionHeaders(session: {
  readonly id: string | undefined;
  readonly version: string;
}): Record<string, string> {
  return {
    'mcp-protocol-version': session.version,
    ...(session.id === undefined ? {} : { 'mcp-session-id': session.id }),
  };
}

const TASKS = 'io.modelcontextprotocol/tasks';

/** What a client can do in the words of 2025-11-25: tasks as an extension came after it. */
export function legacyCapabilities({ extensions, ...capabilities }: JsonObject): JsonObject {
  const { [TASKS]: _tasks, ...known } = isJsonObject(extensions) ? extensions : {};
  return Object.keys(known).length > 0 ? { ...capabilities, extensions: known } : capabilities;
}

/**
 * A list of tools without those that are only ever tasks in the way of 2025-11-25, which ended with it: nobody could
 * call them.
 */
export function withoutTaskTools(message: ServerMessage): ServerMessage {
  const { result } = message.value;
  if (!isJsonObject(result) || !Array.isArray(result['tools'])) return message;
  const tools = result['tools'].filter(
    (tool: unknown) =>
      !isJsonObject(tool) || !isJsonObject(tool['execution']) || tool['execution']['taskSupport'] !== 'required',
  );
  return { ...message, value: { ...message.value, result: { ...result, tools } } };
}
