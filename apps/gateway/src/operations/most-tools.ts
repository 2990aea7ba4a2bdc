/** How many tools an agent shows its model, all servers together; it keeps quiet about the others. */
interface AgentLimit {
  /** Of the name the agent registered with. */
  readonly agent: RegExp;
  readonly tools: number;
  /** The day on which somebody looked, and where. */
  readonly asOf: `${number}-${number}-${number}`;
  readonly source: string;
}

const LIMITS: readonly AgentLimit[] = [
  {
    agent: /^(?:Visual Studio Code|VS Code|Code - )/i,
    tools: 128,
    asOf: '2026-11-29',
    source: 'code.visualstudio.com/docs/copilot/chat/mcp-servers',
  },
  { agent: /^(?:Windsurf|Codeium)/i, tools: 100, asOf: '2026-11-29', source: 'docs.windsurf.com/windsurf/cascade/mcp' },
];

/** @returns what this agent shows at most, where that is known. */
export const mostToolsOf = (agentName: string): number | undefined =>
  LIMITS.find(({ agent }) => agent.test(agentName))?.tools;
