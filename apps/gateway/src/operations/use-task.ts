import type { DocumentOf } from '@sallyport/configuration';
import { isJsonObject } from '@sallyport/mcp-relay';
import type { JsonObject } from '@sallyport/mcp-relay';
import type { Permit } from '@sallyport/policy';
import type { Call } from '../call/call.js';
import { leaseTarget } from '../call/lease-target.js';
import { refusalOfLease } from '../call/refusal-of-lease.js';
import { requestOf } from '../call/target.js';
import type { ServerAccess } from '../outbound/server-access.js';
import { abilitiesToward } from '../protocol/client-abilities.js';
import { readQuestion, readResultFor } from '../protocol/question.js';
import { isRefusal } from '../protocol/refusal.js';
import type { Refusal } from '../protocol/refusal.js';
import { titleOf } from '../protocol/server-title.js';
import { oneLine } from '../protocol/shown-text.js';
import type { StateSealer } from '../session/state-sealer.js';
import { followedTask, needsTasks } from './followed-task.js';
import type { FollowedTask } from './followed-task.js';
import type { OperationOf, Perform } from './operation.js';

type TaskOperation = OperationOf['task'];
type UpdateOperation = Extract<TaskOperation, { what: 'update' }>;

const UNKNOWN: Refusal = { type: 'unknown-task' };
const INVALID_PARAMS = -32602;

export interface UseTaskUses {
  readonly servers: ServerAccess;
  readonly sealer: StateSealer;
}

/**
 * tasks/get, tasks/update and tasks/cancel (2026-07-28, io.modelcontextprotocol/tasks). The id says where the task runs
 * and which call began it; may the caller make that call now, it is followed up with the credential of now. Who may no
 * longer is told what anybody is told of a task that does not exist (security rules S15, S16, S17).
 */
export function createUseTask(uses: UseTaskUses): Perform<'task'> {
  return (call, operation) => {
    if (!call.request.abilities.has('tasks')) return needsTasks();
    const task = followedTask(uses.sealer, call, operation.taskId);
    if (task === undefined) return UNKNOWN;
    const { action, server, id } = task;
    call.notes.target({ server: server.name, target: action.name });
    const request = { ...requestOf(call, { taskId: id }), name: id };
    if (operation.what !== 'update') return { type: 'target', server, action, denied: UNKNOWN, request };
    const withAnswers = async (permit: Permit) => {
      const answers = await answersTo(uses, call, permit, server, task, operation);
      return isRefusal(answers) ? answers : { ...request, params: { ...request.params, ...answers } };
    };
    return { type: 'target', server, action, denied: UNKNOWN, request: withAnswers };
  };
}

/**
 * What of the client's answers the server gets: those to questions it is asking now and may ask, in the form they must
 * have. Nobody here remembers what was asked, so the server is asked first. Answers to anything else are left out, as
 * servers leave them out.
 */
async function answersTo(
  { servers, sealer }: UseTaskUses,
  call: Call,
  permit: Permit,
  server: DocumentOf<'McpServer'>,
  task: FollowedTask,
  { responses }: UpdateOperation,
): Promise<{ readonly inputResponses: JsonObject } | Refusal> {
  const { version, abilities: declared } = call.request;
  const abilities = abilitiesToward(server, declared);
  const request = { ...requestOf(call, { taskId: task.id }), method: 'tasks/get', name: task.id };
  const options = { signal: call.inbound.disconnected, abilities };
  const asked = await servers.ask(permit, leaseTarget(call, server), server, request, options);
  if (asked.type !== 'used') return refusalOfLease(sealer, call, server, asked);
  if (asked.value.type === 'failed') {
    const { type: _type, challenge: _challenge, ...failure } = asked.value;
    return { type: 'server-unavailable', title: titleOf(server), ...failure };
  }
  if (asked.value.type === 'error')
    return asked.value.said.code === INVALID_PARAMS ? UNKNOWN : { type: 'server-error', ...asked.value.said };
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
        type: 'invalid-params',
        message: `The answer to ${JSON.stringify(oneLine(key, 128))} is not of the form that was asked for.`,
      };
    inputResponses.set(key, result);
  }
  return { inputResponses: Object.fromEntries(inputResponses) };
}
