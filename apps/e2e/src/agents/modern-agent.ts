import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { AgentOAuth } from '@sallyport/demo';
import { Recording } from './recording.js';
import { textOf } from './agent.js';
import type { Agent, AgentOptions } from './agent.js';

export interface ModernAgent extends Agent {
  /** Asks to be told when tools come or go, on a stream that stays open. @returns how often it was told so far */
  hearOfTools(): Promise<() => number>;
}

/** The v2 SDK's client, pinned to 2026-07-28, introducing itself by a client ID metadata document. */
export async function connectModernAgent({
  gatewayUrl,
  name,
  redirectUri,
  person,
  clientMetadataUrl,
  openLink = (url) => person.visit(url),
}: AgentOptions & { clientMetadataUrl?: string; openLink?: (url: string) => Promise<unknown> }): Promise<ModernAgent> {
  const recording = new Recording();
  const oauth = new AgentOAuth({
    name,
    redirectUrl: redirectUri,
    ...(clientMetadataUrl === undefined ? {} : { clientMetadataUrl }),
  });
  const openedLinks: string[] = [];
  const makeTransport = () =>
    new StreamableHTTPClientTransport(new URL(`${gatewayUrl}/mcp`), { authProvider: oauth, fetch: recording.fetch });
  const makeClient = () => {
    const client = new Client(
      { name, version: '1.0.0' },
      { capabilities: { elicitation: { url: {} } }, versionNegotiation: { mode: { pin: '2026-07-28' } } },
    );
    client.setRequestHandler('elicitation/create', async (request) => {
      recording.add(JSON.stringify(request));
      if (request.params.mode !== 'url') return { action: 'decline' };
      openedLinks.push(request.params.url);
      await openLink(request.params.url);
      return { action: 'accept' };
    });
    return client;
  };

  let client = makeClient();
  const transport = makeTransport();
  try {
    await client.connect(transport);
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    const landing = await person.visit(oauth.takeAuthorizationUrl());
    if (landing.type !== 'stopped')
      throw new Error(`The sign-in ended on the page "${landing.page.title}": ${landing.page.text}`, { cause: error });
    recording.add(landing.url.href);
    await transport.finishAuth(oauth.readCallback(landing.url));
    client = makeClient();
    await client.connect(makeTransport());
  }

  return {
    recording,
    openedLinks,
    token: () => oauth.tokens()?.access_token ?? '',
    refreshToken: () => oauth.tokens()?.refresh_token,
    toolNames: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: async (tool, args = {}, _meta?: Record<string, unknown>) =>
      textOf(await client.callTool({ name: tool, arguments: args, ...(_meta && { _meta }) })),
    resourceUris: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    read: async (uri) => JSON.stringify((await client.readResource({ uri })).contents),
    hearOfTools: async () => {
      let told = 0;
      client.setNotificationHandler('notifications/tools/list_changed', () => void told++);
      await client.listen({ toolsListChanged: true });
      return () => told;
    },
    close: () => client.close(),
  };
}
