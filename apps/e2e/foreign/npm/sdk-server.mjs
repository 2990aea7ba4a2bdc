import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { tools } from './tools.mjs';

/** The tools on the v1 line of the TypeScript SDK. */
export function sdkServer() {
  const server = new McpServer({ name: 'sdk', version: '1.0.0' });
  for (const { name, description, shape, run } of tools) {
    const answer = async (args) => ({ content: [{ type: 'text', text: await run(args) }] });
    server.registerTool(name, { description, inputSchema: shape }, answer);
  }
  return server;
}
