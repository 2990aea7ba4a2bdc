import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  inputRequired,
  inputResponse,
  MissingRequiredClientCapabilityError,
  ProtocolError,
} from '@modelcontextprotocol/server';
import type { CallToolResult, McpServer, ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { objectOf, text } from './surface.js';

export const TASKS = 'io.modelcontextprotocol/tasks';
const TTL_MS = 60_000;
const POLL_MS = 50;

interface Task {
  readonly taskId: string;
  readonly createdAt: string;
  lastUpdatedAt: string;
  status: 'working' | 'input_required' | 'completed' | 'failed' | 'cancelled';
  /** What it waits for, by key; and how to go on. */
  readonly asking: Map<string, { readonly request: object; readonly answer: (response: unknown) => void }>;
  readonly cancelled: AbortController;
  outcome:
    | { readonly result: CallToolResult }
    | { readonly error: { readonly code: number; readonly message: string } }
    | undefined;
}

/** What a tool's work may do while it is a task. */
interface Work {
  readonly signal: AbortSignal;
  /** Asks the user for fields, and waits. */
  readonly elicit: (message: string) => Promise<unknown>;
}

const said = (value: string): CallToolResult => ({ content: [text(value)] });
const TaskId = z.looseObject({ taskId: z.string() });

const REQUIRED = { requiredCapabilities: { extensions: { [TASKS]: {} } } };
const ONLY_TASKS = new Set(['failing_job', 'protocol_error_job', 'multi_input', 'test_tool_with_task']);

/**
 * The error for a call that could only be a task, from a client that follows none; the SDK has no way for a tool to say
 * so.
 */
export function missingTasks(request: unknown): Response | undefined {
  const call = ToolCall.safeParse(request).data;
  if (
    call === undefined ||
    !ONLY_TASKS.has(call.params.name) ||
    call.params._meta[CLIENT_CAPABILITIES_META_KEY]?.extensions?.[TASKS] !== undefined
  )
    return undefined;
  return Response.json(
    {
      jsonrpc: '2.0',
      id: call.id,
      error: { code: -32021, message: 'Missing required client capability', data: REQUIRED },
    },
    { status: 400 },
  );
}
const ToolCall = z.object({
  id: z.union([z.string(), z.number()]),
  method: z.literal('tools/call'),
  params: z.looseObject({
    name: z.string(),
    _meta: z.looseObject({
      [CLIENT_CAPABILITIES_META_KEY]: z
        .looseObject({ extensions: z.record(z.string(), z.unknown()).optional() })
        .optional(),
    }),
  }),
});

/** The tools the official suite looks for, and the methods of the extension, which the SDK leaves to its user. */
export class EverythingTasks {
  readonly #tasks = new Map<string, Task>();

  register(
    server: McpServer,
    declared: (context: ServerContext) => { extensions?: Record<string, unknown> | undefined },
  ): void {
    const follows = (context: ServerContext): boolean => declared(context).extensions?.[TASKS] !== undefined;
    server.registerTool('greet', { description: 'greet', inputSchema: z.object({ name: z.string() }) }, ({ name }) =>
      said(`Hello, ${name}!`),
    );
    server.registerTool(
      'slow_compute',
      { description: 'slow_compute', inputSchema: z.object({ seconds: z.number(), label: z.string().optional() }) },
      async ({ seconds, label }, context) => {
        const compute = async (signal?: AbortSignal) => {
          await delay(seconds * 1_000, undefined, signal && { signal });
          return said(`${label ?? 'It'} took ${seconds} s.`);
        };
        return follows(context) ? this.#begin(({ signal }) => compute(signal)) : await compute();
      },
    );
    server.registerTool('failing_job', { description: 'failing_job' }, () =>
      this.#begin(() => Promise.resolve({ isError: true, ...said('It did not work.') })),
    );
    server.registerTool('protocol_error_job', { description: 'protocol_error_job' }, () =>
      this.#begin(() => Promise.reject(new ProtocolError(-32603, 'It broke.'))),
    );
    server.registerTool(
      'confirm_delete',
      { description: 'confirm_delete', inputSchema: z.object({ filename: z.string() }) },
      ({ filename }, context) =>
        !follows(context)
          ? { isError: true, ...said('Nobody could be asked.') }
          : this.#begin(async ({ elicit }) =>
              said(`${filename}: ${JSON.stringify(await elicit(`Delete ${filename}?`))}`),
            ),
    );
    server.registerTool('multi_input', { description: 'multi_input' }, () =>
      this.#begin(async ({ elicit }) => said(JSON.stringify(await Promise.all([elicit('One?'), elicit('Two?')])))),
    );
    server.registerTool('test_tool_with_task', { description: 'test_tool_with_task' }, (context) => {
      const content = acceptedContent(context.mcpReq.inputResponses, 'user_name', z.object({ name: z.string() }));
      if (content === undefined || inputResponse(context.mcpReq.inputResponses, 'user_name').kind !== 'elicit')
        return inputRequired({
          inputRequests: {
            user_name: inputRequired.elicit({
              message: 'What is your name?',
              requestedSchema: objectOf({ name: { type: 'string' } }, ['name']),
            }),
          },
        });
      return this.#begin(() => Promise.resolve(said(`Hello, ${content.name}!`)));
    });

    const only = <R>(context: ServerContext, taskId: string, use: (task: Task) => R): R => {
      if (!follows(context)) throw new MissingRequiredClientCapabilityError(REQUIRED);
      const task = this.#tasks.get(taskId);
      if (task === undefined) throw new ProtocolError(-32602, 'Task not found');
      return use(task);
    };
    server.server.setRequestHandler('tasks/get', { params: TaskId }, ({ taskId }, context) =>
      only(context, taskId, detailed),
    );
    server.server.setRequestHandler('tasks/cancel', { params: TaskId }, ({ taskId }, context) =>
      only(context, taskId, (task) => {
        task.cancelled.abort();
        return { resultType: 'complete' };
      }),
    );
    server.server.setRequestHandler('tasks/update', { params: TaskId }, ({ taskId }, context) =>
      only(context, taskId, (task) => {
        // The SDK takes them out of the parameters.
        for (const [key, response] of Object.entries(context.mcpReq.inputResponses ?? {}))
          task.asking.get(key)?.answer(response);
        return { resultType: 'complete' };
      }),
    );
  }

  #begin(run: (work: Work) => Promise<CallToolResult>): CallToolResult {
    const now = new Date().toISOString();
    const task: Task = {
      taskId: randomUUID(),
      createdAt: now,
      lastUpdatedAt: now,
      status: 'working',
      asking: new Map(),
      cancelled: new AbortController(),
      outcome: undefined,
    };
    this.#tasks.set(task.taskId, task);
    const { signal } = task.cancelled;
    const settle = (status: Task['status'], outcome?: Task['outcome']) => {
      if (task.status !== 'working' && task.status !== 'input_required') return;
      Object.assign(task, { status, outcome, lastUpdatedAt: new Date().toISOString() });
    };
    signal.addEventListener('abort', () => settle('cancelled'), { once: true });
    run({ signal, elicit: (message) => elicit(task, message) }).then(
      (result) => settle('completed', { result }),
      (error: unknown) =>
        settle('failed', {
          error: {
            code: error instanceof ProtocolError ? error.code : -32603,
            message: error instanceof Error ? error.message : 'It broke.',
          },
        }),
    );
    return { resultType: 'task', ...summary(task), content: [] };
  }
}

function elicit(task: Task, message: string): Promise<unknown> {
  const key = randomUUID();
  return new Promise((resolve) => {
    task.asking.set(key, {
      request: {
        method: 'elicitation/create',
        params: { mode: 'form', message, requestedSchema: objectOf({ name: { type: 'string' } }, []) },
      },
      answer: (response) => {
        task.asking.delete(key);
        if (task.asking.size === 0 && task.status === 'input_required') task.status = 'working';
        resolve(response);
      },
    });
    task.status = 'input_required';
  });
}

const summary = ({ taskId, createdAt, lastUpdatedAt, status }: Task) => ({
  taskId,
  status,
  createdAt,
  lastUpdatedAt,
  ttlMs: TTL_MS,
  pollIntervalMs: POLL_MS,
});
const detailed = (task: Task) => ({
  resultType: 'complete',
  ...summary(task),
  ...task.outcome,
  ...(task.status === 'input_required'
    ? { inputRequests: Object.fromEntries([...task.asking].map(([key, { request }]) => [key, request])) }
    : {}),
});
