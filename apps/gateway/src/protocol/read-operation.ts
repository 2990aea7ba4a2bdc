import { z } from 'zod';
import { isJsonObject } from '@sallyport/mcp-relay';
import type { JsonObject } from '@sallyport/mcp-relay';
import type { ListKind } from './lists.js';
import type { Refusal } from './refusal.js';
import type { Operation } from './client-message.js';
import { isLogLevel } from './log-level.js';

const MAX_NAME = 256;
const MAX_URI = 8192;
/** One of ours holds the name of an entry: a URI of any length we show, in any script, sealed. */
const MAX_CURSOR = 40 * 1024;

const PromptArguments = z.record(z.string(), z.string());
const Completion = z.object({
  ref: z.discriminatedUnion('type', [
    z.object({ type: z.literal('ref/prompt'), name: z.string().min(1).max(MAX_NAME) }),
    z.object({ type: z.literal('ref/resource'), uri: z.string().min(1).max(MAX_URI) }),
  ]),
  argument: z.object({ name: z.string().max(MAX_NAME), value: z.string() }),
  context: z.object({ arguments: PromptArguments.optional() }).optional(),
});

const Subscribed = z.object({
  toolsListChanged: z.boolean().optional(),
  promptsListChanged: z.boolean().optional(),
  resourcesListChanged: z.boolean().optional(),
  resourceSubscriptions: z.array(z.string().max(MAX_URI)).max(256).optional(),
  taskIds: z.array(z.string()).max(256).optional(),
});

type Read = (params: JsonObject) => Operation | Refusal;

const invalid = (message: string): Refusal => ({ type: 'invalid-params', message });

/** What both eras ask for by the same method. */
const ofBoth: Readonly<Record<string, Read>> = {
  'tools/list': (params) => readList('tools', params),
  'prompts/list': (params) => readList('prompts', params),
  'resources/list': (params) => readList('resources', params),
  'resources/templates/list': (params) => readList('resourceTemplates', params),
  // A client's `task`, which asked for one before 2026-07-28, is not looked at: a server that offers none answers the
  // call itself.
  'tools/call': ({ name, arguments: args }) => {
    if (!isName(name)) return invalid('name is required.');
    if (args !== undefined && !isJsonObject(args)) return invalid('arguments must be an object.');
    return { type: 'call', name, arguments: args };
  },
  'prompts/get': ({ name, arguments: given }) => {
    if (!isName(name)) return invalid('name is required.');
    const args = PromptArguments.optional().safeParse(given);
    return args.success
      ? { type: 'prompt', name, arguments: args.data }
      : invalid('arguments must be an object of strings.');
  },
  'resources/read': (params) => readUri('read', params),
  'completion/complete': (params) => {
    const completion = Completion.safeParse(params);
    return completion.success ? { type: 'complete', ...completion.data } : invalid('ref and argument are required.');
  },
};

/** The methods of 2026-07-28. */
const ofModern: Readonly<Record<string, Read>> = {
  ...ofBoth,
  'server/discover': () => ({ type: 'discover' }),
  'subscriptions/listen': ({ notifications }) => {
    const wanted = Subscribed.safeParse(notifications);
    return wanted.success
      ? { type: 'listen', wanted: wanted.data }
      : invalid('notifications must say what to listen to.');
  },
  'tasks/get': (params) => readTask(params, (taskId) => ({ type: 'task', what: 'get', taskId })),
  'tasks/cancel': (params) => readTask(params, (taskId) => ({ type: 'task', what: 'cancel', taskId })),
  'tasks/update': ({ inputResponses: responses, ...params }) =>
    isJsonObject(responses)
      ? readTask(params, (taskId) => ({ type: 'task', what: 'update', taskId, responses }))
      : invalid('inputResponses is required.'),
};

/** The methods of the revisions with sessions. */
const ofLegacy: Readonly<Record<string, Read>> = {
  ...ofBoth,
  initialize: ({ protocolVersion, capabilities }) =>
    typeof protocolVersion === 'string' && isJsonObject(capabilities)
      ? { type: 'initialize', requestedVersion: protocolVersion }
      : invalid('protocolVersion and capabilities are required.'),
  ping: () => ({ type: 'ping' }),
  'logging/setLevel': ({ level }) =>
    isLogLevel(level) ? { type: 'set-log-level', level } : invalid("level must be one of the protocol's."),
  'resources/subscribe': (params) => readUri('subscribe', params),
  'resources/unsubscribe': (params) => readUri('unsubscribe', params),
};

/**
 * Reads the operation that a method asks for in its era, with the parameters it needs. What the gateway does not relay
 * does not exist (R54).
 */
export function readOperation(era: 'modern' | 'legacy', method: string, params: JsonObject): Operation | Refusal {
  const methods = era === 'modern' ? ofModern : ofLegacy;
  const read = Object.hasOwn(methods, method) ? methods[method] : undefined;
  return read === undefined ? { type: 'unknown-method', method: method.slice(0, 64) } : read(params);
}

function readTask({ taskId }: JsonObject, operation: (taskId: string) => Operation): Operation | Refusal {
  return typeof taskId === 'string' && taskId !== '' ? operation(taskId) : invalid('taskId is required.');
}

function readList(what: ListKind, { cursor }: JsonObject): Operation | Refusal {
  if (cursor === undefined) return { type: 'list', what, cursor };
  return typeof cursor === 'string' && cursor.length <= MAX_CURSOR
    ? { type: 'list', what, cursor }
    : invalid('Unknown cursor.');
}

function readUri(type: 'read' | 'subscribe' | 'unsubscribe', { uri }: JsonObject): Operation | Refusal {
  return typeof uri === 'string' && uri !== '' && uri.length <= MAX_URI ? { type, uri } : invalid('uri is required.');
}

const isName = (name: unknown): name is string => typeof name === 'string' && name !== '' && name.length <= MAX_NAME;
