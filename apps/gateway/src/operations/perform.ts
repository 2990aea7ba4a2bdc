import type { Call } from '../call/call.js';
import type { Operation } from '../protocol/client-message.js';
import { resultAnswer } from '../protocol/exchange.js';
import { createCallTool } from './call-tool.js';
import type { CallToolUses } from './call-tool.js';
import { createComplete } from './complete.js';
import type { CompleteUses } from './complete.js';
import { createDiscover, createInitialize } from './describe-gateway.js';
import type { InitializeUses } from './describe-gateway.js';
import { createGetPrompt } from './get-prompt.js';
import type { GetPromptUses } from './get-prompt.js';
import { createListEntries } from './list-entries.js';
import type { ListEntriesUses } from './list-entries.js';
import { createListen } from './listen.js';
import type { ListenUses } from './listen.js';
import type { OperationOf, Outcome, Perform } from './operation.js';
import { createReadResource } from './read-resource.js';
import type { ReadResourceUses } from './read-resource.js';
import { createSetLogLevel } from './set-log-level.js';
import type { SetLogLevelUses } from './set-log-level.js';
import { createSubscribeResource } from './subscribe-resource.js';
import type { SubscribeResourceUses } from './subscribe-resource.js';
import { createUseTask } from './use-task.js';
import type { UseTaskUses } from './use-task.js';

/** What is done for each operation. */
export type Operations = { readonly [T in Operation['type']]: Perform<T> };

type OperationsUses = InitializeUses &
  SetLogLevelUses &
  ListEntriesUses &
  CallToolUses &
  GetPromptUses &
  ReadResourceUses &
  CompleteUses &
  SubscribeResourceUses &
  ListenUses &
  UseTaskUses;

/** The table of operations, each made with what it uses. */
export function createOperations(uses: OperationsUses): Operations {
  const subscribeOrUnsubscribe = createSubscribeResource(uses);
  return {
    discover: createDiscover(uses),
    initialize: createInitialize(uses),
    ping: ({ request }) => resultAnswer(request.id, {}),
    'set-log-level': createSetLogLevel(uses),
    list: createListEntries(uses),
    call: createCallTool(uses),
    prompt: createGetPrompt(uses),
    read: createReadResource(uses),
    complete: createComplete(uses),
    subscribe: subscribeOrUnsubscribe,
    unsubscribe: subscribeOrUnsubscribe,
    listen: createListen(uses),
    task: createUseTask(uses),
  };
}

/** Performs the operation that a call asks for. */
export const perform = (operations: Operations, call: Call): Outcome | Promise<Outcome> =>
  performOne(operations, call, call.request.operation.type, call.request.operation);

/** One type variable holds the table and the operation together: no entry gets another one's operation. */
const performOne = <T extends Operation['type']>(
  operations: Operations,
  call: Call,
  type: T,
  operation: OperationOf[T],
): Outcome | Promise<Outcome> => operations[type](call, operation);
