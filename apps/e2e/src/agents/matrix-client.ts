import {
  Client as ModernSdkClient,
  StreamableHTTPClientTransport as ModernSdkTransport,
} from '@modelcontextprotocol/client';
import { Client as LegacySdkClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as LegacySdkTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { followCall } from '../scenarios/matrix/follow-call.js';
import type { Followed } from '../scenarios/matrix/follow-call.js';

/** What a person and a model behind the client answer, and what the client saw. */
export interface Answers {
  /** The person takes until this resolves to fill in a form. */
  whenAsked: () => Promise<void>;
  form: Record<string, string>;
  page: 'accept' | 'decline';
  readonly openedPages: string[];
  readonly updatedResources: string[];
}

export interface CallOptions {
  readonly onprogress?: (progress: { progress: number; message?: string | undefined }) => void;
  readonly signal?: AbortSignal;
  readonly timeout?: number;
}

/** What both generations of the real SDK client do for the matrix. */
export interface MatrixClient {
  readonly answers: Answers;
  toolNames(): Promise<string[]>;
  /** The text of a tool's result. */
  call(name: string, args: Record<string, unknown>, options?: CallOptions): Promise<string>;
  /** Calls a tool that may become a task, and follows that up. */
  follow(name: string, args: Record<string, string | number>): Promise<Followed>;
  /** Asks to be told of one resource's updates, by whatever means the revision has. */
  subscribe(uri: string): Promise<void>;
  close(): Promise<void>;
}

const capabilities = { elicitation: { form: {}, url: {} }, sampling: {} };
const completion = {
  model: 'test',
  role: 'assistant' as const,
  content: { type: 'text' as const, text: 'a completion' },
};
const newAnswers = (): Answers => ({
  whenAsked: () => Promise.resolve(),
  form: { username: 'alice', email: 'alice@example.com' },
  page: 'accept',
  openedPages: [],
  updatedResources: [],
});
const answerTo = async (answers: Answers, params: { mode?: string | undefined; url?: string }) => {
  await answers.whenAsked();
  if (params.mode !== 'url') return { action: 'accept' as const, content: answers.form };
  answers.openedPages.push(String(params.url));
  return { action: answers.page };
};
const textOf = (result: object): string =>
  'content' in result && Array.isArray(result.content)
    ? (result.content as { text?: string }[]).map(({ text }) => text ?? '').join('')
    : JSON.stringify(result);

/** The v2 SDK's client, held to one revision. */
export async function connectModernSdk(url: URL, token: string, revision: string): Promise<MatrixClient> {
  const answers = newAnswers();
  const isModern = revision >= '2026-07-28';
  const client = new ModernSdkClient(
    { name: 'matrix', version: '1.0.0' },
    {
      capabilities,
      ...(isModern ? { versionNegotiation: { mode: { pin: revision } } } : { supportedProtocolVersions: [revision] }),
    },
  );
  client.setRequestHandler('elicitation/create', (request) => answerTo(answers, request.params));
  client.setRequestHandler('sampling/createMessage', () => completion);
  client.setNotificationHandler(
    'notifications/resources/updated',
    ({ params }) => void answers.updatedResources.push(params.uri),
  );
  await client.connect(new ModernSdkTransport(url, { requestInit: { headers: { authorization: `Bearer ${token}` } } }));
  return {
    answers,
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args, options) => textOf(await client.callTool({ name, arguments: args }, options)),
    follow: (name, args) =>
      followCall(
        client,
        {
          url,
          token,
          revision,
          capabilities: { ...capabilities, extensions: { 'io.modelcontextprotocol/tasks': {} } },
        },
        name,
        args,
      ),
    subscribe: async (uri) =>
      void (isModern ? await client.listen({ resourceSubscriptions: [uri] }) : await client.subscribeResource({ uri })),
    close: () => client.close(),
  };
}

/** The v1 SDK's client: 2025-11-25. */
export async function connectLegacySdk(url: URL, token: string): Promise<MatrixClient> {
  const answers = newAnswers();
  const client = new LegacySdkClient({ name: 'matrix', version: '1.0.0' }, { capabilities });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => answerTo(answers, params));
  client.setRequestHandler(CreateMessageRequestSchema, () => completion);
  client.setNotificationHandler(
    ResourceUpdatedNotificationSchema,
    ({ params }) => void answers.updatedResources.push(params.uri),
  );
  const transport = new LegacySdkTransport(url, { requestInit: { headers: { authorization: `Bearer ${token}` } } });
  // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- the v1 transport's optional `sessionId` predates exactOptionalPropertyTypes, which the linter does not weigh
  await client.connect(transport as Transport);
  return {
    answers,
    toolNames: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args, options) => textOf(await client.callTool({ name, arguments: args }, undefined, options)),
    // It asks for a task only where one is offered.
    follow: async (name, args) => ({
      text: textOf(await client.callTool({ name, arguments: args })),
      wasTask: client.getServerCapabilities()?.tasks !== undefined,
    }),
    subscribe: async (uri) => void (await client.subscribeResource({ uri })),
    close: () => client.close(),
  };
}
