import { inexactNumberIn, textAt } from '@sallyport/kernel/json';
import type { JsonSource } from '@sallyport/kernel/json';
import type { Action } from '@sallyport/policy';
import { mismatchedParameterHeader, parameterHeaders } from '@sallyport/server';
import type { JsonObject } from '@sallyport/mcp-relay';
import type { CataloguedTool } from '@sallyport/server';
import type { Call } from '../call/call.js';
import { decisionOn } from '../call/decide-operation.js';
import type { Found, ResolveName } from '../call/resolve-name.js';
import { requestOf } from '../call/target.js';
import type { Target } from '../call/target.js';
import { readRetry } from '../conversation/read-retry.js';
import type { ClientAbilities } from '../protocol/client-abilities.js';
import type { Operation } from '../protocol/client-message.js';
import { isRefusal } from '../protocol/refusal.js';
import type { Refusal } from '../protocol/refusal.js';
import type { StateSealer } from '../session/state-sealer.js';
import { taskAction } from '../session/task-id.js';
import type { ConnectAccount } from './connect-account.js';
import type { Perform } from './operation.js';

export interface CallToolUses {
  readonly resolveName: ResolveName;
  readonly connectAccount: ConnectAccount;
  readonly sealer: StateSealer;
}

/** tools/call: the tool of one server under its own name, with the arguments as they came (R59, R62). */
export function createCallTool({ resolveName, connectAccount, sealer }: CallToolUses): Perform<'call'> {
  return async (call, { name, arguments: args }) => {
    const resolved = await resolveName(call, 'tools', name);
    if (isRefusal(resolved)) return resolved;
    const { server } = resolved;
    call.notes.target({ server: server.name });
    const retry = readRetry(sealer, call, server);
    if (isRefusal(retry)) return retry;
    return resolved.type === 'connect'
      ? await connectAccount(call, server)
      : toolTarget(call, resolved, { name, arguments: args }, retry.params);
  };
}

/**
 * The call of a tool that was found.
 * @param retried what the client brings with a retry, for the server
 */
export function toolTarget(
  call: Call,
  { server, entry: tool }: Found<'tools'>,
  { arguments: args }: Pick<Extract<Operation, { type: 'call' }>, 'name' | 'arguments'>,
  retried: JsonObject = {},
): Target | Refusal {
  const source: JsonSource = {
    json: textAt(call.request.source?.json ?? '{}', ['params', 'arguments']) ?? '{}',
    value: args,
  };
  call.notes.target({ target: tool.name });
  const mismatch =
    call.request.era === 'modern'
      ? mismatchedParameterHeader(tool.parameterHeaders, source, (header) => call.inbound.headers.get(header))
      : undefined;
  if (mismatch !== undefined)
    return { type: 'header-mismatch', message: `${mismatch} is missing or differs from the arguments.` };

  call.notes.target({ definition: tool.definition });
  const action: Action = {
    type: 'tool',
    name: tool.name,
    definition: tool.definition,
    arguments: args ?? {},
    inexactNumber: () => inexactNumberIn(source.json),
  };
  const params = { name: tool.name, ...(args === undefined ? {} : { arguments: args }), ...retried };
  return {
    type: 'target',
    server,
    action,
    denied: { type: 'denied' },
    request: {
      ...requestOf(call, params),
      texts: Object.keys(retried).length === 0 ? { arguments: source.json } : undefined,
      name: tool.name,
      parameterHeaders: parameterHeaders(tool.parameterHeaders, source),
    },
    tool: tool.json,
    abilities: abilitiesFor(call, server.name, tool, args),
  };
}

/**
 * The client's abilities, without tasks where policy would not let a task be followed up: policy wants to look at the
 * arguments, and the id of a task cannot carry them. Such a task is not to be begun.
 */
function abilitiesFor(
  call: Call,
  server: string,
  tool: Pick<CataloguedTool, 'name' | 'definition'>,
  args: Record<string, unknown> | undefined,
): ClientAbilities | undefined {
  const { abilities } = call.request;
  if (!abilities.has('tasks')) return undefined;
  const action = taskAction(tool, args);
  if (action.arguments !== undefined || decisionOn(call, server, action).outcome === 'allow') return undefined;
  return new Set([...abilities].filter((ability) => ability !== 'tasks'));
}
