// MCP Inspector's command line: `inspector.mjs legacy | modern`, against $MCP_URL. It signs in for each of its commands.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';

const PROGRAM = 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js';
// Its sign-in wants a terminal, or leave to open a browser; it prints the link either way.
const settings = { MCP_AUTO_OPEN_ENABLED: 'true', MCP_INSPECTOR_SECRET_STORE: 'memory', BROWSER: 'none', DISPLAY: '' };
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

const port = await new Promise((resolve) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port: free } = server.address();
    server.close(() => resolve(free));
  });
});
const common = ['--cli', process.env.MCP_URL, '--transport', 'http', '--format', 'json'];
const how = ['--callback-url', `http://127.0.0.1:${port}/oauth/callback`, '--protocol-era', process.argv[2]];

/** What one command prints as its result. */
async function inspect(...command) {
  const words = [PROGRAM, ...common, ...how, ...command];
  const child = spawn(process.execPath, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...settings },
  });
  let [printed, link] = ['', undefined];
  const hear = (text) => {
    printed += text;
    const found = /(https?:\/\/\S+\/authorize\?\S+)\s/.exec(printed)?.[1];
    if (found === link || found === undefined) return;
    link = found;
    say({ authorize: link });
  };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', hear);
  const code = await new Promise((resolve) => child.once('close', resolve));
  const result = printed.split('\n').find((line) => line.startsWith('{"result"'));
  if (code !== 0 || result === undefined) throw new Error(`exit ${code}\n${printed}`);
  return JSON.parse(result).result;
}

const { tools } = await inspect('--method', 'tools/list');
const answer = await inspect('--method', 'tools/call', '--tool-name', process.env.TOOL);
say({ done: { tools: tools.map(({ name }) => name), text: answer.content[0].text } });
