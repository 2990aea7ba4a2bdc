import { z } from 'zod';
import { isJsonObject } from '@sallyport/mcp-relay';
import type { JsonObject } from '@sallyport/mcp-relay';
import type { ListKind } from '../outbound/catalogues.js';
import type { Refusal } from '../request-path/refusal.js';
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

/** The operation a method asks for in its era, with the parameters it needs. What we do not relay does not exist (R54). */
export function readOperation(era: 'modern' | 'legacy', method: string, params: JsonObject): Operation | Refusal {
  switch (method) {
    case 'server/discover':
      return era === 'modern' ? { type: 'discover' } : unknownMethod(method);
    case 'initialize': {
      if (era === 'modern') return unknownMethod(method);
      const { protocolVersion, capabilities } = params;
      if (typeof protocolVersion !== 'string' || !isJsonObject(capabilities))
        return { refused: 'invalid-params', message: 'protocolVersion and capabilities are required.' };
      return { type: 'initialize', requestedVersion: protocolVersion };
    }
    case 'ping':
      return era === 'legacy' ? { type: 'ping' } : unknownMethod(method);
    case 'subscriptions/listen': {
      if (era === 'legacy') return unknownMethod(method);
      const wanted = Subscribed.safeParse(params['notifications']);
      return wanted.success
        ? { type: 'listen', wanted: wanted.data }
        : { refused: 'invalid-params', message: 'notifications must say what to listen to.' };
    }
    case 'logging/setLevel': {
      if (era === 'modern') return unknownMethod(method);
      const { level } = params;
      return isLogLevel(level)
        ? { type: 'set-log-level', level }
        : { refused: 'invalid-params', message: "level must be one of the protocol's." };
    }
    case 'tools/list':
      return readList('tools', params);
    case 'prompts/list':
      return readList('prompts', params);
    case 'resources/list':
      return readList('resources', params);
    case 'resources/templates/list':
      return readList('resourceTemplates', params);
    case 'tools/call': {
      const { name, arguments: args } = params;
      if (!isName(name)) return { refused: 'invalid-params', message: 'name is required.' };
      if (args !== undefined && !isJsonObject(args))
        return { refused: 'invalid-params', message: 'arguments must be an object.' };
      // `task`, which asked for one before 2026-07-28, is not looked at: whoever does not offer that answers the call itself.
      return { type: 'call', name, arguments: args };
    }
    case 'prompts/get': {
      const { name } = params;
      if (!isName(name)) return { refused: 'invalid-params', message: 'name is required.' };
      const args = PromptArguments.optional().safeParse(params['arguments']);
      return args.success
        ? { type: 'prompt', name, arguments: args.data }
        : { refused: 'invalid-params', message: 'arguments must be an object of strings.' };
    }
    case 'resources/read':
      return readUri('read', params);
    case 'resources/subscribe':
      return era === 'legacy' ? readUri('subscribe', params) : unknownMethod(method);
    case 'resources/unsubscribe':
      return era === 'legacy' ? readUri('unsubscribe', params) : unknownMethod(method);
    case 'completion/complete': {
      const completion = Completion.safeParse(params);
      return completion.success
        ? { type: 'complete', ...completion.data }
        : { refused: 'invalid-params', message: 'ref and argument are required.' };
    }
    case 'tasks/get':
      return era === 'modern'
        ? readTask(params, (taskId) => ({ type: 'task', what: 'get', taskId }))
        : unknownMethod(method);
    case 'tasks/cancel':
      return era === 'modern'
        ? readTask(params, (taskId) => ({ type: 'task', what: 'cancel', taskId }))
        : unknownMethod(method);
    case 'tasks/update': {
      if (era === 'legacy') return unknownMethod(method);
      const { inputResponses: responses } = params;
      return isJsonObject(responses)
        ? readTask(params, (taskId) => ({ type: 'task', what: 'update', taskId, responses }))
        : { refused: 'invalid-params', message: 'inputResponses is required.' };
    }
    default:
      return unknownMethod(method);
  }
}

function readTask({ taskId }: JsonObject, operation: (taskId: string) => Operation): Operation | Refusal {
  return typeof taskId === 'string' && taskId !== ''
    ? operation(taskId)
    : { refused: 'invalid-params', message: 'taskId is required.' };
}

function readList(what: ListKind, { cursor }: JsonObject): Operation | Refusal {
  if (cursor === undefined) return { type: 'list', what, cursor };
  return typeof cursor === 'string' && cursor.length <= MAX_CURSOR
    ? { type: 'list', what, cursor }
    : { refused: 'invalid-params', message: 'Unknown cursor.' };
}

function readUri(type: 'read' | 'subscribe' | 'unsubscribe', { uri }: JsonObject): Operation | Refusal {
  return typeof uri === 'string' && uri !== '' && uri.length <= MAX_URI
    ? { type, uri }
    : { refused: 'invalid-params', message: 'uri is required.' };
}

const isName = (name: unknown): name is string => typeof name === 'string' && name !== '' && name.length <= MAX_NAME;
const unknownMethod = (method: string): Refusal => ({ refused: 'unknown-method', method: method.slice(0, 64) });
