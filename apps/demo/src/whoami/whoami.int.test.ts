import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '@sallyport/kernel';
import { startWhoami } from './start-whoami.js';

let keys: Server;
let issuer: string;
let signingKey: CryptoKey;
let whoami: Awaited<ReturnType<typeof startWhoami>>;

beforeAll(async () => {
  const pair = await generateKeyPair('ES256');
  signingKey = pair.privateKey;
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'dt-1', alg: 'ES256' }] });
  keys = createServer(
    (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(jwks),
  );
  await new Promise<void>((resolve) => {
    keys.listen(0, '127.0.0.1', resolve);
  });
  issuer = `http://127.0.0.1:${(keys.address() as AddressInfo).port}`;
  whoami = await startWhoami({ host: '127.0.0.1', port: 0, issuer, jwksUrl: `${issuer}/jwks`, clock: systemClock });
});
afterAll(async () => {
  await whoami.close();
  await new Promise((resolve) => {
    keys.close(resolve);
    keys.closeAllConnections();
  });
});

const tokenFor = (aud: string) =>
  new SignJWT({
    aud,
    iss: issuer,
    sub: 'usr_alice',
    client_id: 'agent-1',
    act: { sub: 'agent-1' },
    scope: 'whoami.read',
  })
    .setProtectedHeader({ alg: 'ES256', kid: 'dt-1', typ: 'at+jwt' })
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(signingKey);
const post = (headers: Record<string, string>) =>
  fetch(whoami.url, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', ...headers } });

describe('the whoami server', () => {
  it('tells what it was told, as tool and resource, and never the token', async () => {
    const token = await tokenFor(whoami.url);
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode: { pin: '2026-07-28' } } });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(whoami.url), {
        requestInit: { headers: { authorization: `Bearer ${token}` } },
      }),
    );
    const called = await client.callTool({ name: 'whoami', arguments: {} });
    expect(called.structuredContent).toMatchObject({
      iss: issuer,
      aud: whoami.url,
      sub: 'usr_alice',
      client_id: 'agent-1',
      act: { sub: 'agent-1' },
      scope: 'whoami.read',
    });
    const read = await client.readResource({ uri: 'whoami://me' });
    expect(JSON.stringify([called, read])).not.toContain(token.split('.')[2]);
    await client.close();
  });

  it('answers 401 without a token and with one for another server, and points to its authorization server', async () => {
    const none = await post({});
    expect(none.status).toBe(401);
    expect(none.headers.get('www-authenticate')).not.toContain('error=');
    const other = await post({ authorization: `Bearer ${await tokenFor('http://127.0.0.1:7410/mcp')}` });
    expect(other.status).toBe(401);
    expect(other.headers.get('www-authenticate')).toContain('error="invalid_token"');
    const metadata = /resource_metadata="([^"]+)"/.exec(other.headers.get('www-authenticate') ?? '')?.[1] ?? '';
    expect(await (await fetch(metadata)).json()).toMatchObject({
      resource: whoami.url,
      authorization_servers: [issuer],
      scopes_supported: ['whoami.read'],
    });
  });

  it('answers 503, not 401, while it cannot get the keys', async () => {
    const lost = await startWhoami({
      host: '127.0.0.1',
      port: 0,
      issuer,
      jwksUrl: 'http://127.0.0.1:1/jwks',
      clock: systemClock,
    });
    const response = await fetch(lost.url, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await tokenFor(lost.url)}` },
    });
    expect(response.status).toBe(503);
    await lost.close();
  });
});
