import { inputRequired, McpServer } from '@modelcontextprotocol/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { systemClock } from '@sallyport/kernel';
import { openLoopbackServer, type LoopbackServer } from '../loopback/open-loopback-server.js';
import { serveMcp } from '../mcp/serve-mcp.js';
import { createNotesAuthorizationServer, notesScopes } from '../notes/create-authorization-server.js';
import { memoryArtefacts } from '../oidc/memory-artefacts.js';
import { sendPage } from '../oidc/page.js';
import { DemoAgent, textOf } from './demo-agent.js';

let server: LoopbackServer;
const visitors = new Set<string>();

/** A gateway's outside: OAuth, and one tool that first sends the person to a page. */
beforeAll(async () => {
  server = await openLoopbackServer({ name: 'stub gateway', host: '127.0.0.1', port: 0 });
  const { app, url } = server;
  const provider = await createNotesAuthorizationServer(app, {
    url,
    resource: `${url}/mcp`,
    artefacts: memoryArtefacts(),
    accessTokenSeconds: 120,
    clock: systemClock,
  });
  app.get('/connect', (_request, reply) =>
    sendPage(reply, {
      title: 'Connect your account?',
      body: '<form method="post" action="/connect"><button name="decision" value="connect">Connect</button><button name="decision" value="cancel">Cancel</button></form>',
    }),
  );
  app.post<{ Body: URLSearchParams }>('/connect', (request, reply) => {
    visitors.add(request.body.get('decision') ?? '');
    return sendPage(reply, { title: 'Connected', body: '<p>Return to your agent.</p>' });
  });
  serveMcp<{ subject: string }>(app, {
    url,
    authorizationServer: provider.issuer,
    scopes: Object.keys(notesScopes),
    authenticate: async (value) => {
      const token = value === undefined ? undefined : await provider.AccessToken.find(value);
      return token?.accountId === undefined ? { ok: false } : { ok: true, identity: { subject: token.accountId } };
    },
    createServer: ({ subject }) => {
      const mcp = new McpServer({ name: 'stub', version: '1' });
      mcp.registerTool('greet', { inputSchema: z.object({ greeting: z.string() }) }, ({ greeting }) =>
        visitors.has('connect')
          ? { content: [{ type: 'text', text: `${greeting}, ${subject}` }] }
          : inputRequired({
              inputRequests: {
                account: inputRequired.elicitUrl({ message: 'Connect your account', url: `${url}/connect` }),
              },
            }),
      );
      return mcp;
    },
  });
  await server.ready();
});
afterAll(() => server.close());

describe('the scripted agent', () => {
  it('signs its person in, follows a link in the middle of a call, and the call resumes', async () => {
    const steps: string[] = [];
    const agent = new DemoAgent({
      name: 'Scripted',
      endpoint: new URL(`${server.url}/mcp`),
      person: {
        credentials: () => ({ username: 'alice', password: 'alice-notes' }),
        onStep: ({ page, action }) => steps.push(`${page.title}: ${action}`),
      },
      onElicitation: ({ message }) => steps.push(`elicitation: ${message}`),
      onRequest: ({ method, url, status }) => {
        if (status === 401 || url.pathname !== '/mcp') steps.push(`${method} ${url.pathname} ${status}`);
      },
    });
    await agent.signIn();
    expect(await agent.toolNames()).toEqual(['greet']);
    expect(textOf(await agent.call('greet', { greeting: 'Good evening' }))).toBe('Good evening, notes|alice');
    expect(steps).toEqual([
      'POST /mcp 401',
      'GET /.well-known/oauth-protected-resource/mcp 200',
      'GET /.well-known/oauth-authorization-server/oauth 200',
      'POST /oauth/register 201',
      'Sign in to Notes: sign in as alice',
      'Allow access to your notes?: Allow',
      'POST /oauth/token 200',
      'elicitation: Connect your account',
      'Connect your account?: Connect',
    ]);
    await agent.close();
  });
});
