// OpenAI's agents SDK.
import { MCPServerStreamableHttp } from '@openai/agents-core';
import { auth } from 'sdk-1-32/client/auth.js';
import { run } from './loopback-provider.mjs';

await run('Agent on the OpenAI Agents SDK', (url, authProvider) => {
  const server = new MCPServerStreamableHttp({ url, authProvider, name: 'gateway' });
  return {
    open: () => server.connect(),
    finish: (answer) => auth(authProvider, { serverUrl: url, authorizationCode: answer.get('code') }),
    tools: async () => (await server.listTools()).map(({ name }) => name),
    call: async (name, args) => JSON.stringify(await server.callTool(name, args)),
    close: () => server.close(),
  };
});
