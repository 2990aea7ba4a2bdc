import type { DocumentOf } from '@sallyport/configuration';
import { isJsonObject } from '@sallyport/mcp-relay';
import type { JsonObject } from '@sallyport/mcp-relay';
import type { Permit } from '@sallyport/policy';
import { abilitiesToward, capabilitiesOf } from '../dialog/client-abilities.js';
import { readQuestion, readResultFor } from '../dialog/question.js';
import { oneLine } from '../dialog/shown-text.js';
import type { Answer } from '../http/exchange.js';
import type { Operation } from '../inbound/client-message.js';
import { forward } from '../outbound/forward.js';
import { readAnswer } from '../outbound/read-answer.js';
import type { ServerResult } from '../outbound/read-answer.js';
import { titleOf } from '../outbound/server-title.js';
import { originOf, withLease } from '../outbound/with-lease.js';
import { openTaskId } from '../session/task-id.js';
import type { taskAction } from '../session/task-id.js';
import { decideOperation } from './decide-operation.js';
import { leaseAndForward, requestOf } from './lease-and-forward.js';
import type { RefuseLate } from './lease-and-forward.js';
import { leaseRefusal, leaseTarget } from './reach.js';
import { isRefusal } from './refusal.js';
import type { Refusal } from './refusal.js';
import { answerRoom } from './request-path.js';
import type { Call } from './request-path.js';

type TaskOperation = Extract<Operation, { type: 'task' }>;
type UpdateOperation = Extract<TaskOperation, { what: 'update' }>;

export const needsTasks = (): Refusal => ({
  refused: 'missing-capability',
  required: capabilitiesOf(new Set(['tasks'])),
});
const UNKNOWN: Refusal = { refused: 'unknown-task' };
const INVALID_PARAMS = -32602;

/** A task under both its ids, and what following it up is to policy. */
export interface FollowedTask {
  readonly server: DocumentOf<'McpServer'>;
  /** The server's own. */
  readonly id: string;
  /** Ours. */
  readonly taskId: string;
  readonly action: ReturnType<typeof taskAction>;
}

/** `undefined` for what is no id of this caller's, or of a server it does not reach here, or that is elsewhere now. Nothing is decided yet. */
export function followedTask({ path, caller, servers, snapshot }: Call, taskId: string): FollowedTask | undefined {
  const task = openTaskId(path.sealer, caller, taskId);
  const server =
    task !== undefined && servers.includes(task.server) ? snapshot.get('McpServer', task.server) : undefined;
  if (task === undefined || server === undefined || originOf(server) !== task.origin) return undefined;
  return {
    server,
    id: task.id,
    taskId,
    action: { type: 'task', name: task.tool, definition: task.definition, arguments: task.arguments },
  };
}

/**
 * tasks/get, tasks/update and tasks/cancel (2026-07-28, io.modelcontextprotocol/tasks). The id says where the task runs and
 * which call began it; may the caller make that call now, it is followed up with the credential of now. Who may no longer
 * is told what anybody is told of a task that does not exist (security rules S15, S16, S17).
 */
export async function useTask(call: Call, operation: TaskOperation, refuseLate: RefuseLate): Promise<Answer | Refusal> {
  if (!call.request.abilities.has('tasks')) return needsTasks();
  const task = followedTask(call, operation.taskId);
  if (task === undefined) return UNKNOWN;
  const { action, server } = task;
  call.facts.server = server.name;
  call.facts.target = action.name;
  const permit = decideOperation(call, server.name, action, UNKNOWN);
  if (isRefusal(permit)) return permit;
  const inputResponses =
    operation.what === 'update' ? await answersTo(call, permit, server, task, operation) : undefined;
  if (inputResponses !== undefined && isRefusal(inputResponses)) return inputResponses;
  const params = { taskId: task.id, ...inputResponses };
  return await leaseAndForward(call, permit, server, action, { ...requestOf(call, params), name: task.id }, refuseLate);
}

/**
 * What of the client's answers the server gets: those to questions it is asking now and may ask, in the form they must have.
 * Nobody here remembers what was asked, so the server is asked first. Answers to anything else are left out, as servers
 * leave them out.
 */
async function answersTo(
  call: Call,
  permit: Permit,
  server: DocumentOf<'McpServer'>,
  task: FollowedTask,
  { responses }: UpdateOperation,
): Promise<{ readonly inputResponses: JsonObject } | Refusal> {
  const {
    path,
    request: { id, version, abilities: declared },
  } = call;
  const abilities = abilitiesToward(server, declared);
  const asked = await withLease<ServerResult>(path.leases, permit, leaseTarget(call, server), async (lease) => {
    const request = { ...requestOf(call, { taskId: task.id }), method: 'tasks/get', name: task.id };
    return await readAnswer(
      await forward(permit, lease, server, request, {
        channel: path.channel,
        clientInfo: path.identity,
        signal: call.inbound.disconnected,
        abilities,
        room: answerRoom(path, call.caller.userId),
      }),
      id,
      lease,
    );
  });
  if (asked.type !== 'used') return leaseRefusal(call, server, asked);
  if (asked.value.type === 'failed')
    return { refused: 'server-unavailable', title: titleOf(server), reason: asked.value.reason };
  if (asked.value.type === 'error')
    return asked.value.code === INVALID_PARAMS
      ? UNKNOWN
      : { refused: 'server-unavailable', title: titleOf(server), reason: 'protocol' };
  const { inputRequests } = asked.value.result;
  const inputResponses = new Map<string, JsonObject>();
  for (const [key, answer] of Object.entries(responses)) {
    const request = isJsonObject(inputRequests) && Object.hasOwn(inputRequests, key) ? inputRequests[key] : undefined;
    const question = isJsonObject(request)
      ? readQuestion(request['method'], request['params'], { server, abilities, version })
      : undefined;
    if (question === undefined) continue;
    const result = readResultFor(question.method, answer);
    if (result === undefined)
      return {
        refused: 'invalid-params',
        message: `The answer to ${JSON.stringify(oneLine(key, 128))} is not of the form that was asked for.`,
      };
    inputResponses.set(key, result);
  }
  return { inputResponses: Object.fromEntries(inputResponses) };
}
