// Vercel's AI SDK.
import { auth, createMCPClient } from '@ai-sdk/mcp';
import { run } from './loopback-provider.mjs';

await run('Agent on the AI SDK', (url, authProvider) => {
  let client;
  return {
    open: async () => void (client = await createMCPClient({ transport: { type: 'http', url, authProvider } })),
    finish: (answer) => auth(authProvider, { serverUrl: url, authorizationCode: answer.get('code') }),
    tools: async () => Object.keys(await client.tools()),
    call: async (name, args) => {
      const tools = await client.tools();
      return (await tools[name].execute(args, { toolCallId: '1', messages: [] })).content[0].text;
    },
    close: () => client.close(),
  };
});
