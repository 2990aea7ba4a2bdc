import { createServer, type Server } from 'node:http';
import { findSecrets } from '@sallyport/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  alice,
  alicesOtherAgent,
  bob,
  database,
  declared,
  deployForEachTest,
  lease,
  log,
  notes,
  start,
} from '../../test/connect-deployment.js';

deployForEachTest();

describe('a token for a client of ours', () => {
  let endpoint: Server;
  let asked: { authorization: string | undefined; form: URLSearchParams }[];
  let answer: () => { status: number; json: object };
  beforeEach(async () => {
    asked = [];
    answer = () => ({
      status: 200,
      json: { access_token: `machine-token-${asked.length}`, token_type: 'Bearer', expires_in: 3600 },
    });
    endpoint = createServer((incoming, outgoing) => {
      let body = '';
      incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
      incoming.on('end', () => {
        asked.push({ authorization: incoming.headers.authorization, form: new URLSearchParams(body) });
        const { status, json } = answer();
        outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
      });
    });
    await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
    const address = endpoint.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    declared.further = `---
kind: McpServer
name: mail
spec: { url: "https://mail.example/mcp" }
---
kind: CredentialProvider
name: mail-machine
spec:
  type: client-credentials
  server: mail
  tokenEndpoint: "http://127.0.0.1:${port}/token"
  origin: "https://mail.example"
  client: { authentication: client_secret_basic, clientId: gateway, clientSecret: { env: SEARCH_KEY } }
---
kind: AccessPolicy
name: mail-policy
spec: { hop: gateway-to-server, server: mail, credentialProvider: mail-machine }
`;
    await start(notes.resource);
  });
  afterEach(
    () =>
      new Promise<void>((resolve) => {
        endpoint.close(() => resolve());
        endpoint.closeAllConnections();
      }),
  );
  const mail = { server: 'mail', targetOrigin: 'https://mail.example' };

  test('serves everybody, is asked for once, and leaves a trace without a secret (R43, R80)', async () => {
    const outcomes = await Promise.all([lease(alice, mail), lease(bob, mail), lease(alicesOtherAgent, mail)]);
    for (const outcome of outcomes)
      expect(outcome).toMatchObject({
        type: 'granted',
        headers: { authorization: 'Bearer machine-token-1' },
        connectionId: null,
        expiresInSeconds: 900,
      });
    expect(
      asked.map(({ authorization, form }) => [authorization, form.get('grant_type'), form.get('resource')]),
    ).toEqual([[`Basic ${btoa('gateway:search-key-0123456789')}`, 'client_credentials', 'https://mail.example/mcp']]);
    const events = await database.event.findMany({ where: { type: 'connection.refreshed' } });
    expect(events.map(({ server, userId }) => [server, userId])).toEqual([['mail', null]]);
    expect(
      findSecrets(
        { events: JSON.stringify(events.map(({ body }) => body)), log: log.join('') },
        { token: 'machine-token-1', secret: 'search-key-0123456789' },
      ),
    ).toEqual([]);
  });

  test('is not asked for at every call when the provider says no, and what it says stays there (B4) (S30)', async () => {
    answer = () => ({
      status: 400,
      json: { error: 'invalid_client', error_description: 'secret search-key-0123456789 is wrong' },
    });
    expect(await lease(alice, mail)).toEqual({ type: 'provider_unavailable', retryAfterSeconds: 60 });
    expect(await lease(bob, mail)).toMatchObject({ type: 'provider_unavailable' });
    expect(asked.length).toBe(1);
    const event = await database.event.findFirstOrThrow({ where: { type: 'connection.refresh_failed' } });
    expect(event.body).toMatchObject({
      server: 'mail',
      detail: { reason: 'invalid_client', provider: 'mail-machine' },
    });
    expect(
      findSecrets({ event: JSON.stringify(event.body), log: log.join('') }, { secret: 'search-key-0123456789' }),
    ).toEqual([]);
  });
});
