import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { grantDigestOf } from '../storage/artifact-store.js';
import { REDIRECT_URI, register, TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
beforeAll(async () => {
  deployment = await startTestDeployment();
});
afterAll(() => deployment.close());

type Rules = { mode?: 'off' | 'gated' | 'open'; allowedHosts?: string[]; deniedHosts?: string[]; enabled?: boolean };
const rules = ({ mode = 'open', ...documents }: Rules = {}) => ({
  kind: 'ClientRegistration' as const,
  name: 'default' as const,
  spec: {
    metadataDocuments: { enabled: true, allowedHosts: ['*'], deniedHosts: [], ...documents },
    dynamic: { mode, popularAgents: true, redirectHosts: ['127.0.0.1', 'localhost'] },
  },
});
beforeEach(() => deployment.configure([rules()]));

const pageOf = async (clientId: string, redirectUri = REDIRECT_URI) => {
  const page = await new TestAgent(deployment, clientId, redirectUri).open();
  expect([page.status, page.url.origin, page.url.pathname]).toEqual([400, deployment.issuer, '/authorize']);
  return page.html
    .replace(/<style>[\s\S]*<\/style>/, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');
};
const FORGET = 'Make your agent forget its sign-in here, and connect again. It then registers anew.';

describe('an agent that nobody knows reads which of the causes it is, and what to do (B32)', () => {
  test('its registration went: when it was made, and how the agents that are answered there forget it', async () => {
    const { body } = await register(deployment, { redirect_uris: ['http://127.0.0.1/callback'] });
    const clientId = String(body['client_id']);
    const today = new Date().toISOString().slice(0, 10);
    await deployment.database.oidcArtifact.deleteMany({ where: { kind: 'Client', idDigest: grantDigestOf(clientId) } });
    const text = await pageOf(clientId, 'http://127.0.0.1:4711/callback');
    expect(text).toContain(`It registered here on ${today}, and that registration was removed since`);
    for (const words of [
      'no longer known here',
      FORGET,
      'Claude Code: open /mcp',
      'Codex: run',
      'Any other: remove this server',
    ])
      expect(text).toContain(words);
    expect(text).not.toContain('VS Code');
    expect(await pageOf(clientId, 'https://vscode.dev/redirect')).toContain(
      'VS Code: run the command Authentication: Remove Dynamic Authentication Providers',
    );
    expect(await pageOf(clientId, 'http://127.0.0.1:1/unheard-of')).toContain(
      'In most agents: remove this server, and add it again',
    );
  });

  test.each(['dcr_4f1c1d52-3f0b-4b43-9df5-5d5c6c9a0f52', `dcr_${'0'.repeat(9)}${'A'.repeat(38)}`, 'dcr_'])(
    'its registration (%s) is from elsewhere, or from before a reset',
    async (clientId) => {
      const text = await pageOf(clientId);
      expect(text).toContain(
        'It shows a registration that this server did not make, or made before it was set up anew.',
      );
      expect(text).toContain(FORGET);
    },
  );

  test.each(['mcp-client', 'Q DEV CLI', '<img src=x>'])(
    'it made its name up (%s), or an administrator removed it',
    async (clientId) => {
      const text = await pageOf(clientId);
      expect(text).toMatch(
        /It calls itself “.+”, and no agent of that name is entered here\. Some agents make a name up after they could not register\./,
      );
      expect(text).toContain(FORGET);
    },
  );

  test.each(['off', 'gated'] as const)(
    'and could not register by itself (%s): it is the administrator’s move',
    async (mode) => {
      await deployment.configure([rules({ mode })]);
      for (const clientId of ['mcp-client', 'dcr_unknown']) {
        const text = await pageOf(clientId);
        expect(text).toContain('Agents cannot register here by themselves: ask the administrator');
        expect(text).not.toContain(FORGET);
      }
    },
  );

  test.each([
    ['documents are off', { enabled: false }, 'client ID metadata documents are switched off'],
    ['its host is denied', { deniedHosts: ['agent.example'] }, 'its host is denied here'],
    ['its host is not allowed', { allowedHosts: ['other.example'] }, 'its host is not allowed here'],
  ])('it is published, and %s', async (_what, documents, reason) => {
    await deployment.configure([rules(documents)]);
    const text = await pageOf('https://agent.example/client.json');
    expect(text).toContain(`It is published at agent.example, and that is not accepted: ${reason}.`);
    expect(text).toContain('Ask the administrator of this gateway: metadataDocuments of ClientRegistration');
  });

  test.each([
    ['http://agent.example/client.json', 'must be an https URL'],
    ['https://agent.example/', 'must have a path'],
    ['https://agent.example/a/../client.json', 'in its normal form'],
  ])('its address (%s) can hold no document', async (clientId, reason) => {
    const text = await pageOf(clientId);
    expect(text).toContain(reason);
    expect(text).toContain('Whoever makes this agent has to mend that.');
  });

  test('it is known, and wants its answer where it did not register to be answered', async () => {
    const { body } = await register(deployment, {
      redirect_uris: ['warp://mcp/oauth2callback', 'https://nobody-listed.example/cb'],
    });
    const text = await pageOf(String(body['client_id']), 'https://nobody-listed.example/cb');
    expect(text).toContain(
      'It asks to be answered at https://nobody-listed.example/cb , and is not registered for that address here.',
    );
    expect(text).toContain('redirectHosts of ClientRegistration');
    expect(await pageOf(String(body['client_id']), 'warp://mcp/oauth2callback?server_id=4f1c')).toContain(
      'warp://mcp/oauth2callback?server_id=4f1c',
    );
  });
});

describe('an agent that asks for the page itself, to see whether it is still known', () => {
  const ask = (clientId: string, accept: string) =>
    fetch(new TestAgent(deployment, clientId).authorizationUrl(), { redirect: 'manual', headers: { accept } });

  test('as mcp-remote does: JSON that says so, and where to register (R18)', async () => {
    const answer = await ask('dcr_unknown', 'application/json');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([400, 'application/json; charset=utf-8']);
    expect(await answer.json()).toEqual({
      error: 'invalid_client',
      error_description: expect.stringMatching(/client is not registered here/),
      registration_endpoint: `${deployment.issuer}/register`,
    });
    await deployment.configure([rules({ mode: 'off' })]);
    expect(await (await ask('dcr_unknown', 'application/json')).json()).not.toHaveProperty('registration_endpoint');
  });

  test('as FastMCP does: 400 for a client that is not known, a redirect for one that is (R18)', async () => {
    const known = await TestAgent.register(deployment);
    expect([(await ask('dcr_unknown', '*/*')).status, (await ask(known.clientId, '*/*')).status]).toEqual([400, 303]);
    expect((await ask(known.clientId, 'application/json')).status).toBe(303);
  });

  test('is told at the token endpoint to register again, if it ever registered; of any other no more than of a wrong secret (R18)', async () => {
    const at = async (clientId: string) => {
      const { status, body } = await new TestAgent(deployment, clientId).refresh('x');
      return [status, body['error'], body['error_description']];
    };
    expect(await at('dcr_unknown')).toEqual([
      401,
      'invalid_client',
      'this client is not registered here (any more): register again',
    ]);
    expect(await at('mcp-client')).toEqual([401, 'invalid_client', 'client authentication failed']);
  });
});
