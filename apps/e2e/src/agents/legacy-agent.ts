import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UrlElicitationRequiredError } from '@modelcontextprotocol/sdk/types.js';
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import type { OAuthClientInformationMixed, OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { Recording } from './recording.js';
import { textOf } from './agent.js';
import type { Agent, AgentOptions } from './agent.js';

class LegacyOAuth implements OAuthClientProvider {
  readonly redirectUrl: string;
  readonly #name: string;
  client: OAuthClientInformationMixed | undefined;
  held: OAuthTokens | undefined;
  verifier = '';
  authorizationUrl: URL | undefined;

  constructor(name: string, redirectUri: string) {
    this.#name = name;
    this.redirectUrl = redirectUri;
  }

  get clientMetadata() {
    return {
      client_name: this.#name,
      redirect_uris: [this.redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
    };
  }
  state = () => 'legacy-agent-state';
  clientInformation = () => this.client;
  saveClientInformation = (information: OAuthClientInformationMixed) => void (this.client = information);
  tokens = () => this.held;
  saveTokens = (tokens: OAuthTokens) => void (this.held = tokens);
  redirectToAuthorization = (url: URL) => void (this.authorizationUrl = url);
  saveCodeVerifier = (verifier: string) => void (this.verifier = verifier);
  codeVerifier = () => this.verifier;
}

/**
 * The v1 SDK's client, 2025-11-25, registering itself (RFC 7591).
 * @param elicitation whether it declares URL elicitation; without it the gateway can only put a link into text.
 */
export async function connectLegacyAgent({
  gatewayUrl,
  name,
  redirectUri,
  person,
  elicitation = true,
  openLink = (url) => person.visit(url),
}: AgentOptions & { elicitation?: boolean; openLink?: (url: string) => Promise<unknown> }): Promise<Agent> {
  const recording = new Recording();
  const oauth = new LegacyOAuth(name, redirectUri);
  const openedLinks: string[] = [];
  const makeTransport = () =>
    new StreamableHTTPClientTransport(new URL(`${gatewayUrl}/mcp`), { authProvider: oauth, fetch: recording.fetch });
  const makeClient = () =>
    new Client({ name, version: '1.0.0' }, { capabilities: elicitation ? { elicitation: { url: {} } } : {} });
  const open = async (url: string) => {
    openedLinks.push(url);
    await openLink(url);
  };

  let client = makeClient();
  const transport = makeTransport();
  try {
    await connect(client, transport);
  } catch (error) {
    if (!(error instanceof UnauthorizedError) || !oauth.authorizationUrl) throw error;
    const landing = await person.visit(oauth.authorizationUrl);
    if (landing.type !== 'stopped')
      throw new Error(`The sign-in ended on the page "${landing.page.title}": ${landing.page.text}`, { cause: error });
    recording.add(landing.url.href);
    await transport.finishAuth(landing.url.searchParams.get('code') ?? '');
    client = makeClient();
    await connect(client, makeTransport());
  }

  const callOnce = async (tool: string, args: Record<string, unknown>, _meta?: Record<string, unknown>) =>
    textOf(await client.callTool({ name: tool, arguments: args, ...(_meta && { _meta }) }));
  return {
    recording,
    openedLinks,
    token: () => oauth.held?.access_token ?? '',
    refreshToken: () => oauth.held?.refresh_token,
    toolNames: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: async (tool, args = {}, meta?: Record<string, unknown>) => {
      try {
        const result = await callOnce(tool, args, meta);
        const link = elicitation ? undefined : /https?:\/\/\S+\/connect\/[^\s)"]+/.exec(result.text)?.[0];
        if (link === undefined) return result;
        await open(link);
      } catch (error) {
        recording.add(String(error));
        if (!(error instanceof UrlElicitationRequiredError)) throw error;
        for (const { url } of error.elicitations) await open(url);
      }
      return callOnce(tool, args, meta);
    },
    resourceUris: async () => (await client.listResources()).resources.map(({ uri }) => uri),
    read: async (uri) => JSON.stringify((await client.readResource({ uri })).contents),
    close: () => client.close(),
  };
}

function connect(client: Client, transport: StreamableHTTPClientTransport): Promise<void> {
  // oxlint-disable-next-line typescript/no-unnecessary-type-assertion -- the v1 transport's optional `sessionId` predates exactOptionalPropertyTypes, which the linter does not weigh
  return client.connect(transport as Transport);
}
