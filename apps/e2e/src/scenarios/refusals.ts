import { exportJWK, generateKeyPair, SignJWT, decodeJwt, decodeProtectedHeader } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import { signAsAuthorizationServer } from '../system/sign-as-authorization-server.js';
import { administrator } from '../system/administrator.js';
import type { Agent } from '../agents/agent.js';
import type { System } from '../system/system.js';

const discover = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'server/discover',
  params: {
    _meta: {
      'io.modelcontextprotocol/protocolVersion': '2026-07-28',
      'io.modelcontextprotocol/clientCapabilities': {},
      'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '1' },
    },
  },
});

export function describeRefusals(system: () => System): void {
  const post = (token: string | undefined, headers: Record<string, string> = {}) =>
    fetch(`${system().gatewayUrl}/mcp`, {
      method: 'POST',
      body: discover,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'server/discover',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
    });
  const signIn = () =>
    connectModernAgent({
      gatewayUrl: system().gatewayUrl,
      name: 'Refused Agent',
      redirectUri: system().redirectUri,
      person: new Person('alice', { agentRedirectUri: system().redirectUri }),
      clientMetadataUrl: system().clientMetadataUrl,
    });

  describe('a request that must not get through', () => {
    let agent: Agent;
    beforeAll(async () => {
      agent = await signIn();
    });

    test('a live token passes, so that the refusals below mean something', async () => {
      expect((await post(agent.token())).status).toBe(200);
    });

    test('no token: 401 with a challenge that points at the metadata, before anything else (R12, R15)', async () => {
      const response = await post(undefined, { 'content-type': 'text/plain' });
      expect(response.status).toBe(401);
      const challenge = response.headers.get('www-authenticate') ?? '';
      expect(challenge).toContain(
        `resource_metadata="${system().gatewayUrl}/.well-known/oauth-protected-resource/mcp"`,
      );
      expect(challenge).not.toContain('error=');
    });

    test('an unsigned, a self-signed, a foreign, an expired and a cut token are 401 invalid_token (R10, S5)', async () => {
      const claims = decodeJwt(agent.token());
      const { kid = '' } = decodeProtectedHeader(agent.token());
      const [header, payload, signature] = agent.token().split('.');
      const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
      const { privateKey, publicKey } = await generateKeyPair('ES256');
      const forged = (changes: Record<string, unknown>) =>
        new SignJWT({ ...claims, ...changes })
          .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid })
          .sign(privateKey);
      const withOwnKey = await new SignJWT({ ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid, jwk: await exportJWK(publicKey) })
        .sign(privateKey);
      const bad = {
        unsigned: `${base64({ alg: 'none', typ: 'at+jwt', kid })}.${payload}.`,
        'signed by another key': await forged({}),
        'signed by a key it brings along': withOwnKey,
        'expired, though signed by us': await signAsAuthorizationServer(system(), kid, {
          ...claims,
          iat: 1,
          nbf: 1,
          exp: 600,
        }),
        'for another audience, though signed by us': await signAsAuthorizationServer(system(), kid, {
          ...claims,
          aud: 'https://elsewhere.example/mcp',
        }),
        'by another issuer, though signed by us': await signAsAuthorizationServer(system(), kid, {
          ...claims,
          iss: 'https://elsewhere.example',
        }),
        'payload changed': `${header}.${base64({ ...claims, aud: 'https://elsewhere.example/mcp' })}.${signature}`,
        'cut short': agent.token().slice(0, -4),
      };
      expect((await post(await signAsAuthorizationServer(system(), kid, claims))).status).toBe(200);
      for (const [what, token] of Object.entries(bad)) {
        const response = await post(token);
        expect([what, response.status]).toEqual([what, 401]);
        expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
      }
    });

    test('a token we signed for a server is refused at the gateway: another audience, another key (R9, R10)', async () => {
      await agent.call('whoami__whoami');
      const [derived = ''] = system().downstream.presentedTo(system().demo.urls.whoami).slice(-1);
      expect(decodeJwt(derived)).toMatchObject({ aud: system().demo.urls.whoami });
      expect((await post(derived)).status).toBe(401);
    });

    test('GET is 405 (R63), and a foreign Host or Origin is refused even with a live token (S19)', async () => {
      const get = await fetch(`${system().gatewayUrl}/mcp`, {
        headers: { authorization: `Bearer ${agent.token()}`, accept: 'text/event-stream' },
      });
      expect(get.status).toBe(405);
      expect((await post(agent.token(), { origin: 'https://evil.example' })).status).toBe(403);
    });

    test('an ended legacy session is 404 for good, a second DELETE too (R64)', async () => {
      const initialize = await fetch(`${system().gatewayUrl}/mcp`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${agent.token()}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
        },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'initialize',
          params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
        }),
      });
      const session = initialize.headers.get('mcp-session-id') ?? '';
      expect(session).toMatch(/^[\x21-\x7e]+$/);
      const withSession = {
        authorization: `Bearer ${agent.token()}`,
        'mcp-session-id': session,
        'mcp-protocol-version': '2025-11-25',
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      };
      const list = () =>
        fetch(`${system().gatewayUrl}/mcp`, {
          method: 'POST',
          headers: withSession,
          body: JSON.stringify({ jsonrpc: '2.0', id: 2, method: 'tools/list' }),
        });
      expect((await list()).status).toBe(200);
      expect((await fetch(`${system().gatewayUrl}/mcp`, { method: 'DELETE', headers: withSession })).status).toBe(204);
      expect((await list()).status).toBe(404);
      expect((await fetch(`${system().gatewayUrl}/mcp`, { method: 'DELETE', headers: withSession })).status).toBe(404);
    });

    test('the trail has the refused ones too, without a user where nobody was identified (R76, R77)', async () => {
      await expect
        .poll(
          async () =>
            (await administrator(system()).events({ type: 'mcp.response' })).filter((event) =>
              JSON.stringify(event).includes('unauthenticated'),
            ),
          { timeout: 10_000 },
        )
        .not.toEqual([]);
      const refused = (await administrator(system()).events({ type: 'mcp.response' })).filter((event) =>
        JSON.stringify(event).includes('unauthenticated'),
      );
      for (const event of refused) expect(event.userId ?? null).toBeNull();
    });

    test('a session the agent itself ends at the authorization server is refused at the gateway within a second (S17, S28)', async () => {
      const leaving = await signIn();
      expect((await post(leaving.token())).status).toBe(200);
      const { iss = '', client_id: clientId } = decodeJwt(leaving.token());
      const answer = await fetch(`${iss}/revoke`, {
        method: 'POST',
        body: new URLSearchParams({ client_id: String(clientId), token: leaving.refreshToken() ?? '' }),
      });
      expect(answer.status).toBe(200);
      await expect.poll(async () => (await post(leaving.token())).status, { timeout: 1_000, interval: 20 }).toBe(401);
      expect((await post(agent.token())).status).toBe(200);
      await leaving.close();
    });

    test('a revoked session is refused within a second, another session of the same user and agent goes on (R4, R6)', async () => {
      const other = await signIn();
      const { sid } = decodeJwt(agent.token());
      await administrator(system()).revoke({ session: String(sid), reason: 'e2e' });
      await expect.poll(async () => (await post(agent.token())).status, { timeout: 1_000, interval: 20 }).toBe(401);
      expect((await post(other.token())).status).toBe(200);
      await other.close();
    });
  });
}
