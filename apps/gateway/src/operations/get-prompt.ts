import type { ResolveName } from '../call/resolve-name.js';
import { requestOf } from '../call/target.js';
import { readRetry } from '../conversation/read-retry.js';
import { isRefusal } from '../protocol/refusal.js';
import type { StateSealer } from '../session/state-sealer.js';
import type { ConnectAccount } from './connect-account.js';
import type { Perform } from './operation.js';

export interface GetPromptUses {
  readonly resolveName: ResolveName;
  readonly connectAccount: ConnectAccount;
  readonly sealer: StateSealer;
}

/** prompts/get: the prompt of one server under its own name (R54, R62). */
export function createGetPrompt({ resolveName, connectAccount, sealer }: GetPromptUses): Perform<'prompt'> {
  return async (call, { name, arguments: args }) => {
    const resolved = await resolveName(call, 'prompts', name);
    if (isRefusal(resolved)) return resolved;
    const { server } = resolved;
    call.notes.target({ server: server.name });
    const retry = readRetry(sealer, call, server);
    if (isRefusal(retry)) return retry;
    if (resolved.type === 'connect') return await connectAccount(call, server);

    const { entry: prompt } = resolved;
    call.notes.target({ target: prompt.name });
    const params = { name: prompt.name, ...(args === undefined ? {} : { arguments: args }), ...retry.params };
    return {
      type: 'target',
      server,
      action: { type: 'prompt', name: prompt.name },
      denied: { type: 'denied' },
      request: { ...requestOf(call, params), name: prompt.name },
    };
  };
}
