import { z } from 'zod';
import type { Action, Caller, ToolFacts } from '@sallyport/policy';
import type { StateSealer } from './state-sealer.js';

/** What the id of a task says, to us alone: where it runs, the server's own id of it, and the call that began it. */
const BegunTask = z.object({
  server: z.string(),
  /** Where that server was then: its own id is nobody else's to see (security rule S20). */
  origin: z.string(),
  id: z.string(),
  tool: z.string(),
  /** Digest of what the server said of the tool then. */
  definition: z.string().optional(),
  /** Absent when they are too long to travel in a header. */
  arguments: z.record(z.string(), z.unknown()).optional(),
});
export type BegunTask = z.infer<typeof BegunTask>;

/** Bytes of JSON. The id goes into `Mcp-Name`, and servers and proxies take headers of 8 KB and less. */
const MAX_ARGUMENTS = 1_024;
/** Bytes of a server's own id. */
const MAX_SERVER_ID = 1_024;
const MAX_SEALED = 8_192;

/**
 * Bound to user, agent and sign-in (security rule S16). It proves nothing but who began the task; each use is decided
 * anew.
 */
const boundTo = (caller: Caller) => [caller.userId, caller.clientId, caller.sid];

/** @returns `undefined` for a server's id that is longer than any id needs to be. */
export function sealTaskId(sealer: StateSealer, caller: Caller, task: BegunTask): string | undefined {
  return Buffer.byteLength(task.id) > MAX_SERVER_ID ? undefined : sealer.seal('task-id', task, boundTo(caller));
}

/** `undefined` for what we did not seal, or not for this caller. */
export function openTaskId(sealer: StateSealer, caller: Caller, sealed: string): BegunTask | undefined {
  return sealed.length > MAX_SEALED
    ? undefined
    : BegunTask.safeParse(sealer.open('task-id', sealed, boundTo(caller))).data;
}

/** What following up a task is to policy. */
export const taskAction = (
  { name, definition }: ToolFacts,
  args: Record<string, unknown> | undefined,
): Extract<Action, { type: 'task' }> => ({ type: 'task', name, definition, arguments: keptArguments(args) });

/** Arguments as an id can carry them. */
function keptArguments(args: Record<string, unknown> = {}): Record<string, unknown> | undefined {
  return Buffer.byteLength(JSON.stringify(args)) <= MAX_ARGUMENTS ? args : undefined;
}
