import {
  acceptedContent,
  completable,
  createMcpHandler,
  fromJsonSchema,
  inputRequired,
  McpServer,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import type { McpHttpHandler, ServerContext } from '@modelcontextprotocol/server';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { codec, declared, registerMultiRoundTrips, registerQuestions, said } from './modern-questions.js';
import {
  CHUNK,
  embedded,
  image,
  headerSchema,
  jsonSchema202012,
  objectOf,
  PNG,
  plainTools,
  STATIC_TEXT,
  templated,
  text,
} from './surface.js';
import type { Watch } from './surface.js';
import { EverythingTasks, missingTasks, TASKS } from './tasks.js';

/** The everything server on the v2 SDK: one instance a request, both eras, as the SDK serves them. */
export function createModernEverything(watch: Watch): McpHttpHandler {
  const tasks = new EverythingTasks();
  const handler: McpHttpHandler = createMcpHandler(() => {
    const server = new McpServer(
      { name: 'everything-modern', version: '1.0.0' },
      {
        capabilities: {
          tools: { listChanged: true },
          prompts: { listChanged: true },
          resources: { listChanged: true, subscribe: true },
          logging: {},
          completions: {},
          extensions: { [TASKS]: {} },
        },
        requestState: { verify: codec.verify },
      },
    );
    registerPlainTools(server);
    registerSlowTools(server, watch);
    registerQuestions(server);
    registerMultiRoundTrips(server);
    registerResources(server);
    registerPrompts(server);
    tasks.register(server, declared);
    server.registerTool('test_trigger_tool_change', { description: 'test_trigger_tool_change' }, () => {
      handler.notify.toolsChanged();
      return said('tools changed');
    });
    server.registerTool('test_trigger_prompt_change', { description: 'test_trigger_prompt_change' }, () => {
      handler.notify.promptsChanged();
      return said('prompts changed');
    });
    server.registerTool(
      'test_touch_resource',
      { description: 'test_touch_resource', inputSchema: z.object({ uri: z.string() }) },
      ({ uri }) => {
        handler.notify.resourceUpdated(uri);
        return said('resource updated');
      },
    );
    return server;
  });
  return {
    ...handler,
    fetch: async (request, ...rest) =>
      missingTasks(request.method === 'POST' ? await request.clone().json() : undefined) ??
      (await handler.fetch(request, ...rest)),
  };
}

function registerPlainTools(server: McpServer): void {
  for (const [name, content] of Object.entries(plainTools))
    server.registerTool(name, { description: name }, () => ({ content }));
  server.registerTool('test_error_handling', { description: 'test_error_handling' }, () => ({
    isError: true,
    content: [text('This tool intentionally returns an error for testing')],
  }));
  server.registerTool('test_tool_with_progress', { description: 'test_tool_with_progress' }, async (context) => {
    const progressToken = context.mcpReq._meta?.progressToken;
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined)
        await context.mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 100 },
        });
      await delay(50);
    }
    return said('Done.');
  });
  const logging = async (context: ServerContext) => {
    for (const line of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await context.mcpReq.log('info', line);
      await delay(50);
    }
    return said('Done.');
  };
  server.registerTool('test_tool_with_logging', { description: 'test_tool_with_logging' }, logging);
  server.registerTool('test_logging_tool', { description: 'test_logging_tool' }, logging);
  server.registerTool(
    'json_schema_2020_12_tool',
    { description: 'Tool with JSON Schema 2020-12 features', inputSchema: fromJsonSchema(jsonSchema202012) },
    (args) => said(JSON.stringify(args)),
  );
  server.registerTool(
    'test_x_mcp_header',
    { description: 'test_x_mcp_header', inputSchema: fromJsonSchema(headerSchema) },
    (args) => said(JSON.stringify(args)),
  );
}

function registerSlowTools(server: McpServer, watch: Watch): void {
  server.registerTool(
    'test_slow',
    { description: 'test_slow', inputSchema: z.object({ milliseconds: z.number() }) },
    async ({ milliseconds }, { mcpReq: { signal } }) => {
      watch.started += 1;
      signal.addEventListener('abort', () => void (watch.cancelled += 1), { once: true });
      await delay(milliseconds, undefined, { signal });
      return said('Done.');
    },
  );
  server.registerTool(
    'test_long_stream',
    { description: 'test_long_stream', inputSchema: z.object({ chunks: z.number() }) },
    async ({ chunks }, { mcpReq: { _meta, notify } }) => {
      for (let progress = 1; progress <= chunks; progress++)
        await notify({
          method: 'notifications/progress',
          params: { progressToken: _meta?.progressToken ?? 'none', progress, total: chunks, message: CHUNK },
        });
      return said(`${chunks} chunks`);
    },
  );
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
    {
      description: 'A prompt with arguments',
      argsSchema: z.object({
        arg1: completable(z.string().describe('First test argument'), start),
        arg2: z.string().describe('Second test argument'),
      }),
    },
    ({ arg1, arg2 }) => messages(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'A prompt with a resource', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) =>
      messages(
        embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.'),
        text('Please process the embedded resource above.'),
      ),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'A prompt with an image' }, () =>
    messages(image, text('Please analyze the image above.')),
  );
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'A prompt that asks' },
    ({ mcpReq: { inputResponses } }) => {
      const content = acceptedContent(inputResponses, 'user_context', z.object({ context: z.string() }));
      if (content !== undefined) return messages(text(content.context));
      return inputRequired({
        inputRequests: {
          user_context: inputRequired.elicit({
            message: 'What context should the prompt use?',
            requestedSchema: objectOf({ context: { type: 'string' } }, ['context']),
          }),
        },
      });
    },
  );
}
