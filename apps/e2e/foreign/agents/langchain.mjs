// LangChain's adapters.
import { MultiServerMCPClient } from '@langchain/mcp-adapters';
import { auth } from 'sdk-1-32/client/auth.js';
import { run } from './loopback-provider.mjs';

await run('Agent on LangChain', (url, authProvider) => {
  const servers = { gateway: { transport: 'http', url, authProvider, automaticSSEFallback: false } };
  const client = new MultiServerMCPClient({
    mcpServers: servers,
    throwOnLoadError: true,
    prefixToolNameWithServerName: false,
  });
  let tools;
  return {
    open: async () => void (tools = await client.getTools()),
    finish: (answer) => auth(authProvider, { serverUrl: url, authorizationCode: answer.get('code') }),
    tools: async () => tools.map(({ name }) => name),
    call: async (name, args) => {
      const answer = await tools.find((tool) => tool.name === name).invoke(args);
      return typeof answer === 'string' ? answer : JSON.stringify(answer);
    },
    close: () => client.close(),
  };
});
