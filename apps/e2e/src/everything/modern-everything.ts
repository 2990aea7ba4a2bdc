import { randomBytes } from 'node:crypto';
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  completable,
  createMcpHandler,
  createRequestStateCodec,
  fromJsonSchema,
  inputRequired,
  inputResponse,
  McpServer,
  ResourceTemplate,
} from '@modelcontextprotocol/server';
import type { CallToolResult, McpHttpHandler, ServerContext } from '@modelcontextprotocol/server';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import {
  CHUNK,
  embedded,
  forms,
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

const codec = createRequestStateCodec<{ round: number; name?: string }>({ key: randomBytes(32) });
const said = (value: string): CallToolResult => ({ content: [text(value)] });
const Capabilities = z.looseObject({
  elicitation: z.unknown().optional(),
  sampling: z.unknown().optional(),
  extensions: z.record(z.string(), z.unknown()).optional(),
});
const declared = ({ mcpReq }: ServerContext): z.infer<typeof Capabilities> =>
  Capabilities.parse(
    Object.entries(mcpReq.envelope ?? {}).find(([key]) => key === CLIENT_CAPABILITIES_META_KEY)?.[1] ?? {},
  );
const askName = inputRequired.elicit({
  message: 'What is your name?',
  requestedSchema: objectOf({ name: { type: 'string' } }, ['name']),
});
const ask = (question: string, maxTokens = 100) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: text(question) }], maxTokens });
const Name = z.object({ name: z.string() });

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

function registerQuestions(server: McpServer): void {
  server.registerTool('test_missing_capability', { description: 'test_missing_capability' }, () =>
    inputRequired({ inputRequests: { answer: ask('Can you?') } }),
  );
  server.registerTool(
    'test_sampling',
    { description: 'test_sampling', inputSchema: z.object({ prompt: z.string() }) },
    ({ prompt }, context) => {
      if (declared(context).sampling === undefined) return { isError: true, ...said('The client cannot sample.') };
      const answer = inputResponse(context.mcpReq.inputResponses, 'answer');
      if (answer.kind !== 'sampling') return inputRequired({ inputRequests: { answer: ask(prompt) } });
      return said(`LLM response: ${JSON.stringify(answer.result.content)}`);
    },
  );
  for (const [name, requestedSchema] of Object.entries(forms)) {
    server.registerTool(
      name,
      { description: name, inputSchema: z.object({ message: z.string().default('Please tell') }) },
      ({ message }, context) => {
        if (declared(context).elicitation === undefined) return { isError: true, ...said('The client cannot elicit.') };
        const answer = inputResponse(context.mcpReq.inputResponses, 'form');
        if (answer.kind !== 'elicit')
          return inputRequired({ inputRequests: { form: inputRequired.elicit({ message, requestedSchema }) } });
        return said(
          `${name === 'test_elicitation' ? 'User response:' : 'Elicitation completed:'} action=${answer.action}, content=${JSON.stringify(answer.content ?? {})}`,
        );
      },
    );
  }
  server.registerTool(
    'test_elicitation_url',
    { description: 'test_elicitation_url', inputSchema: z.object({ url: z.string() }) },
    ({ url }, context) => {
      const answer = inputResponse(context.mcpReq.inputResponses, 'page');
      if (answer.kind !== 'elicit')
        return inputRequired({ inputRequests: { page: inputRequired.elicitUrl({ message: 'Please look', url }) } });
      return said(`The page: ${answer.action}`);
    },
  );
  server.registerTool('test_streaming_elicitation', { description: 'test_streaming_elicitation' }, async (context) => {
    const progressToken = context.mcpReq._meta?.progressToken ?? 'none';
    await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1 } });
    if (acceptedContent(context.mcpReq.inputResponses, 'user_name', Name) === undefined)
      return inputRequired({ inputRequests: { user_name: askName } });
    return said('Done.');
  });
}

function registerMultiRoundTrips(server: McpServer): void {
  server.registerTool(
    'test_input_required_result_elicitation',
    { description: 'test_input_required_result_elicitation' },
    ({ mcpReq: { inputResponses } }) => {
      const content = acceptedContent(inputResponses, 'user_name', Name);
      return content === undefined
        ? inputRequired({ inputRequests: { user_name: askName } })
        : said(`Hello, ${content.name}!`);
    },
  );
  server.registerTool(
    'test_input_required_result_sampling',
    { description: 'test_input_required_result_sampling' },
    ({ mcpReq: { inputResponses } }) => {
      const answer = inputResponse(inputResponses, 'capital_question');
      return answer.kind === 'sampling'
        ? said(JSON.stringify(answer.result.content))
        : inputRequired({ inputRequests: { capital_question: ask('What is the capital of France?') } });
    },
  );
  server.registerTool(
    'test_input_required_result_list_roots',
    { description: 'test_input_required_result_list_roots' },
    ({ mcpReq: { inputResponses } }) => {
      const answer = inputResponse(inputResponses, 'client_roots');
      return answer.kind === 'roots'
        ? said(answer.roots.map(({ uri }) => uri).join('\n'))
        : inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
    },
  );
  const confirm = inputRequired.elicit({
    message: 'Please confirm',
    requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
  });
  for (const name of ['test_input_required_result_request_state', 'test_input_required_result_tampered_state']) {
    server.registerTool(name, { description: name }, async ({ mcpReq }) => {
      if (mcpReq.requestState() === undefined || inputResponse(mcpReq.inputResponses, 'confirm').kind !== 'elicit')
        return inputRequired({ inputRequests: { confirm }, requestState: await codec.mint({ round: 1 }) });
      return said('state-ok');
    });
  }
  server.registerTool(
    'test_input_required_result_multiple_inputs',
    { description: 'test_input_required_result_multiple_inputs' },
    async ({ mcpReq: { inputResponses, requestState } }) => {
      const [user, greeting, roots] = ['user_name', 'greeting', 'client_roots'].map((key) =>
        inputResponse(inputResponses, key),
      );
      if (
        requestState() === undefined ||
        user?.kind !== 'elicit' ||
        greeting?.kind !== 'sampling' ||
        roots?.kind !== 'roots'
      ) {
        return inputRequired({
          inputRequests: {
            user_name: askName,
            greeting: ask('Generate a greeting', 50),
            client_roots: inputRequired.listRoots(),
          },
          requestState: await codec.mint({ round: 1 }),
        });
      }
      return said(JSON.stringify([user.content, greeting.result.content, roots.roots]));
    },
  );
  server.registerTool(
    'test_input_required_result_multi_round',
    { description: 'test_input_required_result_multi_round' },
    async ({ mcpReq: { inputResponses, requestState } }) => {
      const state = requestState<{ round: number; name?: string }>();
      const first = acceptedContent(inputResponses, 'step1', Name);
      if (state?.round === 1 && first !== undefined) {
        const step2 = inputRequired.elicit({
          message: 'Step 2: What is your favorite color?',
          requestedSchema: objectOf({ color: { type: 'string' } }, ['color']),
        });
        return inputRequired({
          inputRequests: { step2 },
          requestState: await codec.mint({ round: 2, name: first.name }),
        });
      }
      const second = acceptedContent(inputResponses, 'step2', z.object({ color: z.string() }));
      if (state?.round === 2 && second !== undefined) return said(`${state.name} likes ${second.color}.`);
      const step1 = inputRequired.elicit({
        message: 'Step 1: What is your name?',
        requestedSchema: objectOf({ name: { type: 'string' } }, ['name']),
      });
      return inputRequired({ inputRequests: { step1 }, requestState: await codec.mint({ round: 1 }) });
    },
  );
  server.registerTool(
    'test_input_required_result_capabilities',
    { description: 'test_input_required_result_capabilities' },
    (context) => {
      const { sampling, elicitation } = declared(context);
      const inputRequests = {
        ...(sampling === undefined ? {} : { capital_question: ask('What is the capital of France?') }),
        ...(elicitation === undefined ? {} : { user_name: askName }),
      };
      const isAnswered = Object.keys(inputRequests).every(
        (key) => inputResponse(context.mcpReq.inputResponses, key).kind !== 'missing',
      );
      return isAnswered ? said('Done.') : inputRequired({ inputRequests });
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
