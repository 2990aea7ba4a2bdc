import { mayRegisterRedirectUri } from './redirect-uri.js';

/** A published agent, with what an administrator needs to know to let it register. */
export interface PopularAgent {
  readonly name: string;
  /** Where it is answered, as entries of `redirectHosts`: whole URIs. On loopback the port is free. */
  readonly redirectUris: readonly string[];
  /** The day on which somebody looked, and where. */
  readonly asOf: `${number}-${number}-${number}`;
  readonly source: string;
  /**
   * How its user makes it forget a registration and a sign-in, where its makers say so; an imperative, without a full
   * stop.
   */
  readonly forget?: string;
}

/**
 * The callbacks of agents that many people use, for `popularAgents` of `ClientRegistration` (R18). An entry needs a
 * source that can be read by others: the agent's own code or documentation, or a capture of its registration. Callbacks
 * that answer to any tenant of a platform (Copilot Studio, n8n Cloud) are not among them: an administrator lists those.
 */
export const POPULAR_AGENTS: readonly PopularAgent[] = [
  {
    name: 'Claude',
    redirectUris: ['https://claude.ai/api/mcp/auth_callback', 'https://claude.com/api/mcp/auth_callback'],
    asOf: '2026-09-17',
    source: 'github.com/koala73/worldmonitor/pull/8305',
  },
  {
    name: 'Claude Code',
    redirectUris: ['http://localhost/callback', 'http://127.0.0.1/callback'],
    asOf: '2026-09-01',
    source: 'github.com/elmohq/elmo/issues/684; github.com/anthropics/claude-code/issues/42301',
    forget: 'open /mcp, choose this server, then Clear authentication; or `claude mcp remove` it, and add it again',
  },
  {
    name: 'Cursor',
    redirectUris: [
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'https://www.cursor.com/agents/mcp/oauth/callback',
      'http://localhost/callback',
    ],
    asOf: '2026-09-03',
    source: 'github.com/koala73/worldmonitor/pull/8305; a capture of its registration by 3.13',
  },
  {
    name: 'VS Code',
    redirectUris: ['https://vscode.dev/redirect', 'https://insiders.vscode.dev/redirect', 'http://127.0.0.1/'],
    asOf: '2026-11-29',
    source: 'github.com/microsoft/vscode src/vs/base/common/oauth.ts at 05f882b',
    forget: 'run the command Authentication: Remove Dynamic Authentication Providers',
  },
  {
    name: 'GitHub Copilot CLI',
    redirectUris: ['http://127.0.0.1/'],
    asOf: '2026-09-18',
    source: 'github.com/github/copilot-cli/issues/4901',
  },
  {
    name: 'GitHub Copilot in IntelliJ',
    redirectUris: ['http://127.0.0.1/callback'],
    asOf: '2026-09-11',
    source: 'github.com/microsoft/copilot-intellij-feedback/issues/2041',
  },
  {
    name: 'ChatGPT',
    redirectUris: ['https://chatgpt.com/connector_platform_oauth_redirect', 'https://chatgpt.com/connector/oauth/*'],
    asOf: '2026-09-17',
    source: "OpenAI's documentation of plugins, authentication",
  },
  {
    name: 'Codex',
    redirectUris: ['http://127.0.0.1/callback', 'http://127.0.0.1/callback/*'],
    asOf: '2026-11-29',
    source: 'github.com/openai/codex perform_oauth_login.rs at 18b3cfc',
    forget: 'run `codex mcp login` with the name of this server',
  },
  {
    name: 'Gemini CLI',
    redirectUris: ['http://localhost/oauth/callback'],
    asOf: '2026-11-29',
    source: 'github.com/google-gemini/gemini-cli oauth-provider.ts at 0467592',
  },
  {
    name: 'Antigravity',
    redirectUris: ['https://antigravity.google/oauth-callback'],
    asOf: '2026-06-18',
    source: 'its documentation',
  },
  {
    name: 'Zed',
    redirectUris: ['http://127.0.0.1/callback'],
    asOf: '2026-11-29',
    source: 'github.com/zed-industries/zed crates/context_server/src/oauth.rs at 04afc35',
  },
  {
    name: 'Cline',
    redirectUris: ['vscode://saoudrizwan.claude-dev/mcp-auth/callback/*'],
    asOf: '2026-11-29',
    source: 'github.com/cline/cline/issues/8103',
  },
  {
    name: 'Roo Code',
    redirectUris: ['http://localhost/callback'],
    asOf: '2026-11-29',
    source: 'github.com/RooCodeInc/Roo-Code McpOAuthClientProvider.ts at 4b1df52',
  },
  {
    name: 'Kiro CLI',
    redirectUris: ['http://127.0.0.1', 'http://localhost'],
    asOf: '2026-11-29',
    source: 'github.com/aws/amazon-q-developer-cli oauth_util.rs at 1372a0e',
    forget: 'type /mcp logout, then /mcp auth',
  },
  {
    name: 'goose',
    redirectUris: ['http://127.0.0.1/oauth_callback'],
    asOf: '2026-11-29',
    source: 'github.com/block/goose crates/goose/src/oauth/mod.rs at 06423fd',
  },
  {
    name: 'Warp',
    redirectUris: ['warp://mcp/oauth2callback'],
    asOf: '2026-04-16',
    source: 'github.com/warpdotdev/warp/issues/9088',
  },
  {
    name: 'opencode',
    redirectUris: ['http://127.0.0.1/mcp/oauth/callback', 'http://127.0.0.1/callback', 'http://localhost/callback'],
    asOf: '2026-09-07',
    source: 'github.com/sst/opencode/issues/47737',
  },
  {
    name: 'MCP Inspector',
    redirectUris: [
      'http://localhost/oauth/callback',
      'http://localhost/oauth/callback/debug',
      'http://127.0.0.1/oauth/callback',
      'http://127.0.0.1/oauth/callback/debug',
    ],
    asOf: '2026-11-29',
    source: 'github.com/modelcontextprotocol/inspector client/src/lib/auth.ts at 006abfb',
    forget: 'press Clear OAuth State in the Auth tab',
  },
  {
    name: 'mcp-remote',
    redirectUris: ['http://localhost/oauth/callback', 'http://127.0.0.1/oauth/callback'],
    asOf: '2026-11-29',
    source: 'github.com/geelen/mcp-remote node-oauth-client-provider.ts at 00cc07f',
    forget: 'delete the directory ~/.mcp-auth',
  },
  {
    name: 'FastMCP',
    redirectUris: ['http://localhost/callback'],
    asOf: '2026-11-29',
    source: 'github.com/jlowin/fastmcp client/auth/oauth.py at 13382de',
  },
];

/** The redirect URIs of all popular agents, each once. */
export const POPULAR_REDIRECT_URIS: readonly string[] = [
  ...new Set(POPULAR_AGENTS.flatMap(({ redirectUris }) => redirectUris)),
];

/** The agents that use this redirect URI; on loopback, several share one. */
export function agentsAnsweredAt(redirectUri: string): readonly PopularAgent[] {
  return POPULAR_AGENTS.filter(({ redirectUris }) => mayRegisterRedirectUri(redirectUri, redirectUris).allowed);
}
