// The official SDK, in the version that the first argument names: `sdk-1-10`, …
import { run } from './loopback-provider.mjs';

const version = process.argv[2];
const [{ Client }, { StreamableHTTPClientTransport }] = await Promise.all([
  import(`${version}/client/index.js`),
  import(`${version}/client/streamableHttp.js`),
]);

await run(`Agent on ${version}`, (url, authProvider) => {
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider });
  const client = new Client({ name: version, version: '1.0.0' });
  return {
    open: () => client.connect(transport),
    finish: (answer) => transport.finishAuth(answer.get('code')),
    tools: async () => (await client.listTools()).tools.map(({ name }) => name),
    call: async (name, args) => (await client.callTool({ name, arguments: args })).content[0].text,
    close: () => client.close(),
  };
});
