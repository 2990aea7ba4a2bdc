import { setTimeout as delay } from 'node:timers/promises';
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks';
import { completable } from '@modelcontextprotocol/sdk/server/completable.js';
import { McpServer, ResourceTemplate } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import {
  CreateMessageResultSchema,
  ElicitResultSchema,
  ListRootsResultSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import type { CallToolResult, ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { CHUNK, embedded, forms, image, PNG, plainTools, STATIC_TEXT, templated, text } from './surface.js';
import type { Watch } from './surface.js';

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;
const said = (value: string): CallToolResult => ({ content: [text(value)] });

/** The everything server on the v1 SDK, 2025-11-25 and older: it asks its questions in the middle of a call. */
export function createLegacyEverything(watch: Watch): McpServer {
  const server = new McpServer(
    { name: 'everything-legacy', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        logging: {},
        completions: {},
        tasks: { requests: { tools: { call: {} } } },
      },
      taskStore: new InMemoryTaskStore(),
    },
  );
  registerPlainTools(server);
  registerSlowTools(server, watch);
  registerTask(server);
  registerQuestions(server);
  registerResources(server);
  registerPrompts(server);
  return server;
}

function registerPlainTools(server: McpServer): void {
  for (const [name, content] of Object.entries(plainTools))
    server.registerTool(name, { description: name }, () => ({ content }));
  server.registerTool('test_error_handling', { description: 'test_error_handling' }, () => ({
    isError: true,
    content: [text('This tool intentionally returns an error for testing')],
  }));
  server.registerTool('test_tool_with_progress', { description: 'test_tool_with_progress' }, async (extra: Extra) => {
    const progressToken = extra._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined)
        await extra.sendNotification({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 100 },
        });
      await delay(50);
    }
    return said('Done.');
  });
  server.registerTool('test_tool_with_logging', { description: 'test_tool_with_logging' }, async (extra: Extra) => {
    for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } });
      await delay(50);
    }
    return said('Done.');
  });
  server.registerTool('test_trigger_tool_change', { description: 'test_trigger_tool_change' }, () => {
    server.sendToolListChanged();
    return said('tools changed');
  });
  server.registerTool(
    'test_touch_resource',
    { description: 'test_touch_resource', inputSchema: { uri: z.string() } },
    async ({ uri }) => {
      await server.server.sendResourceUpdated({ uri });
      return said('resource updated');
    },
  );
}

function registerSlowTools(server: McpServer, watch: Watch): void {
  server.registerTool(
    'test_slow',
    { description: 'test_slow', inputSchema: { milliseconds: z.number() } },
    async ({ milliseconds }, { signal }: Extra) => {
      watch.started += 1;
      signal.addEventListener('abort', () => void (watch.cancelled += 1), { once: true });
      await delay(milliseconds, undefined, { signal });
      return said('Done.');
    },
  );
  server.registerTool(
    'test_long_stream',
    { description: 'test_long_stream', inputSchema: { chunks: z.number() } },
    async ({ chunks }, { _meta, sendNotification }: Extra) => {
      for (let progress = 1; progress <= chunks; progress++)
        await sendNotification({
          method: 'notifications/progress',
          params: { progressToken: _meta?.progressToken ?? 'none', progress, total: chunks, message: CHUNK },
        });
      return said(`${chunks} chunks`);
    },
  );
}

/** A task for clients of 2025-11-25 that ask for one, a call like any other for the rest. */
function registerTask(server: McpServer): void {
  const result = z.looseObject({ content: z.array(z.any()) });
  server.experimental.tasks.registerToolTask(
    'slow_compute',
    {
      description: 'slow_compute',
      inputSchema: { seconds: z.number(), label: z.string().default('It') },
      execution: { taskSupport: 'optional' },
    },
    {
      createTask: async ({ seconds, label }, { taskStore }) => {
        const task = await taskStore.createTask({ ttl: 60_000, pollInterval: 50 });
        await taskStore.storeTaskResult(task.taskId, 'completed', said(`${label} took ${seconds} s.`));
        return { task };
      },
      getTask: (_args, { taskStore, taskId }) => taskStore.getTask(taskId),
      getTaskResult: async (_args, { taskStore, taskId }) => result.parse(await taskStore.getTaskResult(taskId)),
    },
  );
}

function registerQuestions(server: McpServer): void {
  const can = () => server.server.getClientCapabilities() ?? {};
  server.registerTool(
    'test_sampling',
    { description: 'test_sampling', inputSchema: { prompt: z.string() } },
    async ({ prompt }, extra: Extra) => {
      if (can().sampling === undefined) return { isError: true, ...said('The client cannot sample.') };
      const result = await extra.sendRequest(
        {
          method: 'sampling/createMessage',
          params: { messages: [{ role: 'user', content: text(prompt) }], maxTokens: 100 },
        },
        CreateMessageResultSchema,
      );
      return said(`LLM response: ${JSON.stringify(result.content)}`);
    },
  );
  for (const [name, requestedSchema] of Object.entries(forms)) {
    server.registerTool(
      name,
      { description: name, inputSchema: { message: z.string().default('Please tell') } },
      async ({ message }, extra: Extra) => {
        if (can().elicitation === undefined) return { isError: true, ...said('The client cannot elicit.') };
        const { action, content } = await extra.sendRequest(
          { method: 'elicitation/create', params: { message, requestedSchema } },
          ElicitResultSchema,
        );
        return said(
          `${name === 'test_elicitation' ? 'User response:' : 'Elicitation completed:'} action=${action}, content=${JSON.stringify(content ?? {})}`,
        );
      },
    );
  }
  server.registerTool(
    'test_elicitation_url',
    { description: 'test_elicitation_url', inputSchema: { url: z.string() } },
    async ({ url }, extra: Extra) => {
      const { action } = await extra.sendRequest(
        { method: 'elicitation/create', params: { mode: 'url', message: 'Please look', url, elicitationId: 'page' } },
        ElicitResultSchema,
      );
      return said(`The page: ${action}`);
    },
  );
  server.registerTool('test_roots', { description: 'test_roots' }, async (extra: Extra) => {
    const { roots } = await extra.sendRequest({ method: 'roots/list' }, ListRootsResultSchema);
    return said(roots.map(({ uri }) => uri).join('\n'));
  });
}

function registerResources(server: McpServer): void {
  server.registerResource(
    'static-text',
    'test://static-text',
    { description: 'A static text', mimeType: 'text/plain' },
    (uri) => ({ contents: [{ uri: uri.href, mimeType: 'text/plain', text: STATIC_TEXT }] }),
  );
  server.registerResource(
    'static-binary',
    'test://static-binary',
    { description: 'A static image', mimeType: 'image/png' },
    (uri) => ({ contents: [{ uri: uri.href, mimeType: 'image/png', blob: PNG }] }),
  );
  server.registerResource(
    'watched',
    'test://watched-resource',
    { description: 'A watched resource', mimeType: 'text/plain' },
    (uri) => ({ contents: [{ uri: uri.href, mimeType: 'text/plain', text: 'watched' }] }),
  );
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { description: 'A template', mimeType: 'application/json' },
    (uri, { id }) => ({ contents: [{ uri: uri.href, mimeType: 'application/json', text: templated(String(id)) }] }),
  );
  server.server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
}

function registerPrompts(server: McpServer): void {
  const messages = (...content: (ReturnType<typeof text> | typeof image | ReturnType<typeof embedded>)[]) => ({
    messages: content.map((one) => ({ role: 'user' as const, content: one })),
  });
  server.registerPrompt('test_simple_prompt', { description: 'A simple prompt' }, () =>
    messages(text('This is a simple prompt for testing.')),
  );
  const start = (value: string) =>
    ['paris', 'park', 'party', 'hello', 'world'].filter((word) => word.startsWith(value));
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'A prompt with arguments', argsSchema: { arg1: completable(z.string(), start), arg2: z.string() } },
    ({ arg1, arg2 }) => messages(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'A prompt with a resource', argsSchema: { resourceUri: z.string() } },
    ({ resourceUri }) =>
      messages(
        embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.'),
        text('Please process the embedded resource above.'),
      ),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'A prompt with an image' }, () =>
    messages(image, text('Please analyze the image above.')),
  );
}
