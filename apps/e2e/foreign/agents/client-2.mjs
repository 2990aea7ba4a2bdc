// The official SDK of 2026-07-28, which negotiates its revision.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { run } from './loopback-provider.mjs';

await run('Agent on the client of 2026-07-28', (url, authProvider) => {
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider });
  const client = new Client({ name: 'client-2', version: '1.0.0' });
  return {
    open: () => client.connect(transport),
    finish: (answer) => transport.finishAuth(answer),
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args) => (await client.callTool({ name, arguments: args })).content[0].text,
    close: () => client.close(),
  };
});
