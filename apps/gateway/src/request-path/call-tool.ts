import type { Action } from '@sallyport/policy';
import type { CataloguedTool } from '@sallyport/server';
import { mismatchedParameterHeader, parameterHeaders } from '@sallyport/server';
import type { Answer } from '../http/exchange.js';
import { taskAction } from '../session/task-id.js';
import { connectAccount } from './connect-account.js';
import { decideOperation, decisionOn } from './decide-operation.js';
import { leaseAndForward, requestOf } from './lease-and-forward.js';
import type { RefuseLate } from './lease-and-forward.js';
import { readRetry } from './read-retry.js';
import { resolveName } from './resolve-name.js';
import { isRefusal } from './refusal.js';
import type { Refusal } from './refusal.js';
import type { Call } from './request-path.js';

/** tools/call: resolve target → decide → lease → forward (R59, R62). */
export async function callTool(
  call: Call,
  name: string,
  args: Record<string, unknown> | undefined,
  refuseLate: RefuseLate,
): Promise<Answer | Refusal> {
  const target = await resolveName(call, 'tools', name);
  if (isRefusal(target)) return target;
  const { server } = target;
  call.facts.server = server.name;
  const retry = readRetry(call, server);
  if (isRefusal(retry)) return retry;
  if (target.type === 'connect') return await connectAccount(call, server);

  const { entry: tool } = target;
  call.facts.target = tool.name;
  const mismatch =
    call.request.era === 'modern'
      ? mismatchedParameterHeader(tool.parameterHeaders, args, (header) => call.inbound.headers.get(header))
      : undefined;
  if (mismatch !== undefined)
    return { refused: 'header-mismatch', message: `${mismatch} is missing or differs from the arguments.` };

  call.facts.definition = tool.definition;
  const action: Action = { type: 'tool', name: tool.name, definition: tool.definition, arguments: args ?? {} };
  const permit = decideOperation(call, server.name, action, { refused: 'denied' });
  if (isRefusal(permit)) return permit;
  const params = { name: tool.name, ...(args === undefined ? {} : { arguments: args }), ...retry.params };
  return await leaseAndForward(
    withTasksIfFollowed(call, server.name, tool, args),
    permit,
    server,
    action,
    { ...requestOf(call, params), name: tool.name, parameterHeaders: parameterHeaders(tool.parameterHeaders, args) },
    refuseLate,
  );
}

/** A task that policy would not let be followed up, because its id cannot carry the arguments policy wants to look at, is not to be begun. */
function withTasksIfFollowed(
  call: Call,
  server: string,
  tool: Pick<CataloguedTool, 'name' | 'definition'>,
  args: Record<string, unknown> | undefined,
): Call {
  const { abilities } = call.request;
  if (!abilities.has('tasks')) return call;
  const action = taskAction(tool, args);
  if (action.arguments !== undefined || decisionOn(call, server, action).outcome === 'allow') return call;
  return {
    ...call,
    request: { ...call.request, abilities: new Set([...abilities].filter((ability) => ability !== 'tasks')) },
  };
}
