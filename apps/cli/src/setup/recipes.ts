/** How one agent is told where the gateway is. */
export interface Recipe {
  readonly agent: string;
  readonly title: string;
  /** What to do, in order. */
  readonly steps: readonly Step[];
}
export type Step =
  | { readonly do: 'run'; readonly command: string }
  | { readonly do: 'write'; readonly file: string; readonly text: string }
  | { readonly do: 'say'; readonly text: string };

const run = (command: string): Step => ({ do: 'run', command });
const say = (text: string): Step => ({ do: 'say', text });
const write = (file: string, value: object): Step => ({ do: 'write', file, text: JSON.stringify(value, null, 2) });

/** For each agent that many people use. */
const RECIPES: readonly ((endpoint: string) => Recipe)[] = [
  (endpoint) => ({
    agent: 'claude',
    title: 'Claude Code',
    steps: [
      run(`claude mcp add --transport http sallyport ${endpoint}`),
      say('In Claude Code: /mcp, then sallyport, then Authenticate. `--scope user` has it in every project.'),
    ],
  }),
  (endpoint) => ({
    agent: 'claude-web',
    title: 'Claude on the web and Claude Desktop',
    steps: [
      say(`Settings, Connectors, Add custom connector: ${endpoint}`),
      say('They call from the internet: the gateway must be reachable there by https.'),
    ],
  }),
  (endpoint) => ({
    agent: 'chatgpt',
    title: 'ChatGPT',
    steps: [
      say(`Settings, Connectors, Advanced, Developer mode; then Create, with ${endpoint} and OAuth.`),
      say('It calls from the internet: the gateway must be reachable there by https.'),
    ],
  }),
  (endpoint) => ({
    agent: 'codex',
    title: 'Codex',
    steps: [run(`codex mcp add sallyport --url ${endpoint}`), run('codex mcp login sallyport')],
  }),
  (endpoint) => ({
    agent: 'cursor',
    title: 'Cursor',
    steps: [
      write('.cursor/mcp.json (or ~/.cursor/mcp.json for all projects)', {
        mcpServers: { sallyport: { url: endpoint } },
      }),
      say('Then Settings, MCP, sallyport, Connect.'),
    ],
  }),
  (endpoint) => ({
    agent: 'gemini',
    title: 'Gemini CLI',
    steps: [run(`gemini mcp add --transport http sallyport ${endpoint}`), say('In Gemini CLI: /mcp auth sallyport')],
  }),
  (endpoint) => ({
    agent: 'vscode',
    title: 'VS Code',
    steps: [
      run(`code --add-mcp '${JSON.stringify({ name: 'sallyport', type: 'http', url: endpoint })}'`),
      say('Or in the workspace:'),
      write('.vscode/mcp.json', { servers: { sallyport: { type: 'http', url: endpoint } } }),
      say('Then start the server from the lens above the entry, and allow the sign-in.'),
    ],
  }),
  (endpoint) => ({
    agent: 'windsurf',
    title: 'Windsurf',
    steps: [
      write('~/.codeium/windsurf/mcp_config.json', { mcpServers: { sallyport: { serverUrl: endpoint } } }),
      say('Then refresh the servers in the MCP panel.'),
    ],
  }),
  (endpoint) => ({
    agent: 'zed',
    title: 'Zed',
    steps: [
      write('settings.json (zed: open settings)', { context_servers: { sallyport: { url: endpoint } } }),
      say('Then sign in from the list of servers in the agent panel.'),
    ],
  }),
  (endpoint) => ({
    agent: 'mcp-remote',
    title: 'An agent that starts programs only (stdio)',
    steps: [
      write('its MCP configuration', {
        mcpServers: { sallyport: { command: 'npx', args: ['-y', 'mcp-remote', endpoint] } },
      }),
    ],
  }),
];

/** @param endpoint the gateway's, such as `http://127.0.0.1:7400/mcp` */
export const recipesFor = (endpoint: string): readonly Recipe[] => RECIPES.map((recipe) => recipe(endpoint));
