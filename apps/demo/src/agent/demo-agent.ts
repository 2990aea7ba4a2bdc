import {
  Client,
  StreamableHTTPClientTransport,
  UnauthorizedError,
  type CallToolResult,
} from '@modelcontextprotocol/client';
import { SallyportError } from '@sallyport/kernel';
import { FormBrowser } from '../browser/form-browser.js';
import { walkPages, type Visitor } from '../browser/walk-pages.js';
import { AgentOAuth } from './agent-oauth.js';

export interface DemoAgentOptions {
  /** The name the agent registers under. */
  name: string;
  /** The gateway's MCP endpoint. */
  endpoint: URL;
  /** The agent's user, who signs in and agrees in the browser. */
  person: Visitor;
  /** Called when the gateway sends the user to a page in the middle of a call. */
  onElicitation?: (elicitation: { message: string; url: URL }) => void;
  /** Called for every request the agent makes, its OAuth requests included. */
  onRequest?: (request: { method: string; url: URL; status: number; ms: number }) => void;
}

/** Nobody listens there: the demonstration's browser stops at this URL and hands over its query. */
const REDIRECT_URL = 'http://127.0.0.1:43110/callback';
const PROTOCOL_VERSION = '2026-07-28';

/** An agent on the MCP SDK, with a user and a browser. It knows the gateway's address and nothing else. */
export class DemoAgent {
  readonly #oauth: AgentOAuth;
  readonly #browser = new FormBrowser({ stopAt: (url) => url.href.startsWith(`${REDIRECT_URL}?`) });
  readonly #options: DemoAgentOptions;
  #client: Client | undefined;

  constructor(options: DemoAgentOptions) {
    this.#options = options;
    this.#oauth = new AgentOAuth({ name: options.name, redirectUrl: REDIRECT_URL });
  }

  /** Discovers, registers, lets the user sign in and consent, gets tokens, and connects the client. */
  async signIn(): Promise<void> {
    const transport = this.#transport();
    const first = this.#newClient();
    try {
      await first.connect(transport);
      throw new SallyportError('demo_unexpected', 'The gateway let an agent in that had no token.');
    } catch (cause) {
      if (!(cause instanceof UnauthorizedError)) throw cause;
    }
    const landing = await walkPages(
      this.#browser,
      await this.#browser.open(this.#oauth.takeAuthorizationUrl()),
      this.#options.person,
    );
    if (landing.type !== 'stopped')
      throw new SallyportError(
        'demo_unexpected',
        `Signing in ended on the page "${landing.page.title}" of ${landing.page.url.origin}.`,
      );
    const answer = this.#oauth.readCallback(landing.url);
    const refusal = answer.get('error');
    if (refusal !== null)
      throw new SallyportError(
        'demo_unexpected',
        `Signing in was refused: ${refusal} ${answer.get('error_description') ?? ''}`,
      );
    await transport.finishAuth(answer);
    await first.close();
    this.#client = this.#newClient();
    await this.#client.connect(this.#transport());
  }

  get client(): Client {
    if (this.#client === undefined) throw new SallyportError('demo_unexpected', 'The agent is not signed in.');
    return this.#client;
  }

  get clientId(): string {
    return this.#oauth.clientInformation()?.client_id ?? '';
  }

  get accessToken(): string {
    return this.#oauth.tokens()?.access_token ?? '';
  }

  get refreshToken(): string | undefined {
    return this.#oauth.tokens()?.refresh_token;
  }

  get tokenEndpoint(): string | undefined {
    return this.#oauth.discoveryState()?.authorizationServerMetadata?.token_endpoint;
  }

  /** Names of the tools the agent sees now. */
  async toolNames(): Promise<string[]> {
    return (await this.client.listTools({}, { cacheMode: 'refresh' })).tools.map(({ name }) => name);
  }

  /** A tool's answer. Throws `demo_unexpected` when the tool says it failed. */
  async call(name: string, args: Record<string, unknown> = {}): Promise<CallToolResult> {
    const result = await this.client.callTool({ name, arguments: args });
    if (result.isError) throw new SallyportError('demo_unexpected', `${name} failed: ${textOf(result)}`);
    return result;
  }

  async close(): Promise<void> {
    await this.#client?.close();
  }

  #newClient(): Client {
    const client = new Client(
      { name: 'sallyport-demo', version: '1.0.0' },
      { capabilities: { elicitation: { url: {} } }, versionNegotiation: { mode: { pin: PROTOCOL_VERSION } } },
    );
    client.setRequestHandler('elicitation/create', async ({ params }) => {
      if (params.mode !== 'url') return { action: 'decline' };
      const url = new URL(params.url);
      this.#options.onElicitation?.({ message: params.message, url });
      await walkPages(this.#browser, await this.#browser.open(url), this.#options.person);
      return { action: 'accept' };
    });
    return client;
  }

  #transport(): StreamableHTTPClientTransport {
    const { endpoint, onRequest } = this.#options;
    return new StreamableHTTPClientTransport(endpoint, {
      authProvider: this.#oauth,
      fetch: async (input, init) => {
        const began = performance.now();
        const response = await fetch(input, init);
        onRequest?.({
          method: init?.method ?? 'GET',
          url: new URL(input),
          status: response.status,
          ms: performance.now() - began,
        });
        return response;
      },
    });
  }
}

/** The text parts of a tool's answer. */
export function textOf(result: CallToolResult): string {
  return result.content.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('\n');
}
