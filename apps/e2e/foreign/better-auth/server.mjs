// A few tools behind the `mcp` plugin of better-auth, at $PORT. Its accounts, clients and tokens end with its process.
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { mcp, requireMcpAuth } from '@better-auth/mcp';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { jwt } from 'better-auth/plugins';
import { z } from 'zod';

const port = Number(process.env.PORT);
const origin = `http://127.0.0.1:${port}`;
const [email, password] = ['alice@example.com', 'alice-notes'];

const note = (line) => appendFileSync(process.env.FOREIGN_JOURNAL, `${line}\n`);
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

const auth = betterAuth({
  baseURL: origin,
  secret: 'a-secret-of-a-test-that-is-long-enough',
  database: memoryAdapter({
    user: [],
    session: [],
    account: [],
    verification: [],
    jwks: [],
    rateLimit: [],
    oauthClient: [],
    oauthAccessToken: [],
    oauthRefreshToken: [],
    oauthConsent: [],
    oauthResource: [],
    oauthClientResource: [],
  }),
  emailAndPassword: { enabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [
    jwt(),
    mcp({
      loginPage: '/sign-in',
      consentPage: '/consent',
      resource: `${origin}/mcp`,
      accessTokenExpiresIn: 4,
      allowDynamicClientRegistration: true,
      allowUnauthenticatedClientRegistration: true,
    }),
  ],
});

function server() {
  const mcpServer = new McpServer({ name: 'better-auth', version: '1.0.0' });
  const tool = (name, description, shape, run) =>
    mcpServer.registerTool(name, { description, inputSchema: z.object(shape) }, async (args) => {
      note(`${name} ${args.text}`);
      return { content: [{ type: 'text', text: await run(args) }] };
    });
  tool('echo', 'Says it back.', { text: z.string() }, async ({ text }) => `echo: ${text}`);
  tool('slow', 'Says it back after a while.', { text: z.string(), seconds: z.number() }, async ({ text, seconds }) => {
    await pause(seconds);
    return `slow: ${text}`;
  });
  tool('fail', 'Fails and says why.', { text: z.string() }, async ({ text }) => {
    throw new Error(`failed: ${text}`);
  });
  return mcpServer;
}
const protectedMcp = requireMcpAuth(auth, (request) => createMcpHandler(server).fetch(request), {
  resource: `${origin}/mcp`,
});

const page = (text, fields) =>
  new Response(`<h1>${text}</h1><form method="post">${fields}</form>`, { headers: { 'content-type': 'text/html' } });

/** Asks better-auth as its own browser client would, and goes where it says. */
async function ask(request, path, body) {
  const { search } = new URL(request.url);
  const headers = { 'content-type': 'application/json', origin, cookie: request.headers.get('cookie') ?? '' };
  const asked = { ...body, oauth_query: search.slice(1) };
  const answer = await auth.handler(
    new Request(`${origin}/api/auth${path}`, { method: 'POST', headers, body: JSON.stringify(asked) }),
  );
  const said = await answer.json();
  if (said.url === undefined && said.redirect_uri === undefined) return Response.json(said, { status: 500 });
  const back = new Headers({ location: said.url ?? said.redirect_uri });
  for (const cookie of answer.headers.getSetCookie()) back.append('set-cookie', cookie);
  return new Response(null, { status: 303, headers: back });
}

async function answer(request) {
  const { pathname } = new URL(request.url);
  if (pathname === '/mcp') return protectedMcp(request);
  if (pathname === '/sign-in' && request.method === 'POST') return ask(request, '/sign-in/email', { email, password });
  if (pathname === '/sign-in')
    return page(
      `Sign in: ${password}`,
      '<input name="username"><input name="password" type="password"><button>Sign in</button>',
    );
  if (pathname === '/consent' && request.method === 'POST') return ask(request, '/oauth2/consent', { accept: true });
  if (pathname === '/consent') return page('Allow?', '<button>Allow</button>');
  if (pathname === '/api/auth/oauth2/token' && (await request.clone().text()).includes('grant_type=refresh_token'))
    note('refresh');
  return auth.handler(request);
}

async function serve(incoming, outgoing) {
  const chunks = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const body = chunks.length === 0 ? undefined : Buffer.concat(chunks);
  const request = new Request(new URL(incoming.url, origin), {
    method: incoming.method,
    headers: incoming.headers,
    body,
  });
  const response = await answer(request).catch((error) => new Response(String(error.stack), { status: 500 }));
  outgoing.writeHead(response.status, {
    ...Object.fromEntries(response.headers),
    'set-cookie': response.headers.getSetCookie(),
  });
  outgoing.end(Buffer.from(await response.arrayBuffer()));
}

await auth.api.signUpEmail({ body: { email, password, name: 'Alice' } });
createServer((incoming, outgoing) => void serve(incoming, outgoing)).listen(port, '127.0.0.1');
