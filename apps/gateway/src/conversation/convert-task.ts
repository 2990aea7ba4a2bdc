import { inWordsOf, isJsonObject } from '@sallyport/mcp-relay';
import type { JsonObject, ServerMessage } from '@sallyport/mcp-relay';
import { rewriteResult } from '@sallyport/server';
import { z } from 'zod';
import { inputRequestsOf, readQuestions } from '../protocol/question.js';
import { originOf } from '../outbound/with-lease.js';
import type { StateSealer } from '../session/state-sealer.js';
import { sealTaskId, taskAction } from '../session/task-id.js';
import type { Refusal } from '../protocol/refusal.js';
import type { Outcome, Asked } from './server-call.js';

type Unavailable = Extract<Refusal, { type: 'server-unavailable' }>;

const MAX_MESSAGE = 4_096;
const milliseconds = z.number().nonnegative().transform(Math.ceil);
/**
 * What every form of a task has (io.modelcontextprotocol/tasks, 2026-07-28); what else a server says of it is not
 * passed on.
 */
const TaskState = z.object({
  status: z.enum(['working', 'input_required', 'completed', 'failed', 'cancelled']),
  statusMessage: z
    .string()
    .transform((message) => message.slice(0, MAX_MESSAGE))
    .optional(),
  createdAt: z.string().max(64),
  lastUpdatedAt: z.string().max(64),
  ttlMs: milliseconds.nullable(),
  pollIntervalMs: milliseconds.optional(),
});
const TaskError = z.object({
  code: z.int(),
  message: z.string().transform((message) => message.slice(0, MAX_MESSAGE)),
  data: z.unknown().optional(),
});

/**
 * A server begins a task instead of answering a call, as it may if the client of this very request can follow one up.
 * The client gets an id of ours; the server's own never leaves the gateway.
 */
export function begunTask(
  sealer: StateSealer,
  { call, server, abilities, action }: Asked,
  message: ServerMessage,
  result: JsonObject,
  protocolError: Unavailable,
): Outcome {
  const state = TaskState.safeParse(result).data;
  if (
    !abilities.has('tasks') ||
    action.type !== 'tool' ||
    state === undefined ||
    typeof result['taskId'] !== 'string' ||
    result['taskId'] === ''
  )
    return protocolError;
  const { name: tool, definition, arguments: args } = taskAction(action, action.arguments);
  const taskId = sealTaskId(sealer, call.caller, {
    server: server.name,
    origin: originOf(server),
    id: result['taskId'],
    tool,
    definition,
    arguments: args,
  });
  return taskId === undefined
    ? protocolError
    : resultText(message, call.request.id, { resultType: 'task', taskId, ...state, ...metaOf(result) });
}

/** The answer to tasks/get, tasks/update or tasks/cancel: how the task is, or that the server has heard. */
export function taskAnswer(
  serverCall: Asked,
  message: ServerMessage,
  result: JsonObject,
  protocolError: Unavailable,
): Outcome {
  const { call, params } = serverCall;
  const { operation, id } = call.request;
  if (operation.type !== 'task') return protocolError;
  if (operation.what !== 'get') return resultText(message, id, { resultType: 'complete', ...metaOf(result) });
  const task = detailedTask(serverCall, result, { is: params['taskId'], called: operation.taskId });
  if (task === 'asked-for-input') return { ...protocolError, reason: 'asked-for-input' };
  return task === undefined
    ? protocolError
    : resultText(message, id, { resultType: 'complete', ...task, ...metaOf(result) });
}

/**
 * How a task is, in full, under the id the client knows it by. Its questions are those of a call: one that may not be
 * asked keeps the whole from the client (security rule S18). `undefined` for what is no state of this task.
 */
export function detailedTask(
  { call, server, abilities }: Pick<Asked, 'call' | 'server' | 'abilities'>,
  from: JsonObject,
  task: { readonly is: unknown; readonly called: string },
): JsonObject | 'asked-for-input' | undefined {
  const state = TaskState.safeParse(from).data;
  if (state === undefined || from['taskId'] !== task.is) return undefined;
  // A large result leaves while it is read: what may come after it stands after it here, too.
  const { statusMessage, pollIntervalMs, ...required } = state;
  const common = { taskId: task.called, ...required };
  const hints = { statusMessage, pollIntervalMs };
  switch (state.status) {
    case 'working':
    case 'cancelled':
      return { ...common, ...hints };
    case 'input_required': {
      if (!isJsonObject(from['inputRequests'])) return undefined;
      const questions = readQuestions(from['inputRequests'], { server, abilities, version: call.request.version });
      return questions === undefined
        ? 'asked-for-input'
        : { ...common, inputRequests: inputRequestsOf(questions), ...hints };
    }
    case 'completed':
      return isJsonObject(from['result'])
        ? { ...common, result: heldResult(rewriteResult(from['result'], server.name, call.naming.prefix)), ...hints }
        : undefined;
    case 'failed': {
      const error = TaskError.safeParse(from['error']).data;
      return error && { ...common, error, ...hints };
    }
  }
}

const RELATED_TASK = 'io.modelcontextprotocol/related-task';

/**
 * The result a completed task holds: of a call that is over, which asks for nothing and begins nothing more. Clients
 * read it as any result.
 */
function heldResult({ inputRequests: _requests, requestState: _state, ...result }: JsonObject): JsonObject {
  return { ...withoutRelatedTask(result), resultType: 'complete' };
}

/** `_meta` without the server's own id of the task: what was said of it in 2025-11-25, now stands beside the result. */
export function withoutRelatedTask<T extends JsonObject>(holder: T): T {
  const meta = holder['_meta'];
  if (!isJsonObject(meta) || !(RELATED_TASK in meta)) return holder;
  const { [RELATED_TASK]: _related, ...rest } = meta;
  return { ...holder, _meta: rest };
}

const metaOf = (result: JsonObject): JsonObject =>
  isJsonObject(result['_meta']) ? withoutRelatedTask({ _meta: result['_meta'] }) : {};
const resultText = (message: ServerMessage, id: string | number, result: JsonObject): Outcome => ({
  text: inWordsOf(message, { jsonrpc: '2.0', id, result }),
});
