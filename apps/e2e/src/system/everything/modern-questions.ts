import { randomBytes } from 'node:crypto';
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  inputRequired,
  inputResponse,
} from '@modelcontextprotocol/server';
import type { McpServer, CallToolResult, ServerContext } from '@modelcontextprotocol/server';
import { z } from 'zod';
import { forms, objectOf, text } from './surface.js';

export const codec = createRequestStateCodec<{ round: number; name?: string }>({ key: randomBytes(32) });
export const said = (value: string): CallToolResult => ({ content: [text(value)] });
const Capabilities = z.looseObject({
  elicitation: z.unknown().optional(),
  sampling: z.unknown().optional(),
  extensions: z.record(z.string(), z.unknown()).optional(),
});
export const declared = ({ mcpReq }: ServerContext): z.infer<typeof Capabilities> =>
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

/** Tools that ask the client once. */
export function registerQuestions(server: McpServer): void {
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

/** Tools that answer with what they need to know first (SEP-2322). */
export function registerMultiRoundTrips(server: McpServer): void {
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
  registerSeveralInputs(server);
}

function registerSeveralInputs(server: McpServer): void {
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
