import type { Action } from '@sallyport/policy';
import type { Answer } from '../http/exchange.js';
import { connectAccount } from './connect-account.js';
import { decideOperation } from './decide-operation.js';
import { leaseAndForward, requestOf } from './lease-and-forward.js';
import type { RefuseLate } from './lease-and-forward.js';
import { readRetry } from './read-retry.js';
import { resolveName } from './resolve-name.js';
import { isRefusal } from './refusal.js';
import type { Refusal } from './refusal.js';
import type { Call } from './request-path.js';

/** prompts/get: resolve target → decide → lease → forward (R54, R62). */
export async function getPrompt(
  call: Call,
  name: string,
  args: Record<string, string> | undefined,
  refuseLate: RefuseLate,
): Promise<Answer | Refusal> {
  const target = await resolveName(call, 'prompts', name);
  if (isRefusal(target)) return target;
  const { server } = target;
  call.facts.server = server.name;
  const retry = readRetry(call, server);
  if (isRefusal(retry)) return retry;
  if (target.type === 'connect') return await connectAccount(call, server);

  const { entry: prompt } = target;
  call.facts.target = prompt.name;
  const action: Action = { type: 'prompt', name: prompt.name };
  const permit = decideOperation(call, server.name, action, { refused: 'denied' });
  if (isRefusal(permit)) return permit;
  const params = { name: prompt.name, ...(args === undefined ? {} : { arguments: args }), ...retry.params };
  return await leaseAndForward(
    call,
    permit,
    server,
    action,
    { ...requestOf(call, params), name: prompt.name },
    refuseLate,
  );
}
