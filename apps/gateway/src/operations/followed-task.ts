import type { DocumentOf } from '@sallyport/configuration';
import type { Call } from '../call/call.js';
import { originOf } from '../outbound/with-lease.js';
import { capabilitiesOf } from '../protocol/client-abilities.js';
import type { Refusal } from '../protocol/refusal.js';
import type { StateSealer } from '../session/state-sealer.js';
import { openTaskId } from '../session/task-id.js';
import type { taskAction } from '../session/task-id.js';

export const needsTasks = (): Refusal => ({
  type: 'missing-capability',
  required: capabilitiesOf(new Set(['tasks'])),
});
/** A task under both its ids, and what following it up is to policy. */
export interface FollowedTask {
  readonly server: DocumentOf<'McpServer'>;
  /** The server's own. */
  readonly id: string;
  /** Ours. */
  readonly taskId: string;
  readonly action: ReturnType<typeof taskAction>;
}

/**
 * The task an id of ours stands for. Nothing is decided yet.
 * @returns `undefined` for an id of another caller's, and for a server that this one does not reach here or that moved
 */
export function followedTask(
  sealer: StateSealer,
  { caller, servers, snapshot }: Call,
  taskId: string,
): FollowedTask | undefined {
  const task = openTaskId(sealer, caller, taskId);
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
