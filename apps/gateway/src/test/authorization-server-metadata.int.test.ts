import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startGatewayWorld } from './world/gateway-world.js';
import type { GatewayWorld } from './world/gateway-world.js';

let world: GatewayWorld;
let issuer: string;
let status = 200;
const authorizationServer = createServer((request, response) => {
  const metadata = {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    registration_endpoint: `${issuer}/register`,
    code_challenge_methods_supported: ['S256'],
  };
  const body = request.url === '/.well-known/oauth-authorization-server' ? metadata : { keys: [] };
  response
    .writeHead(request.url === '/jwks' ? 200 : status, { 'content-type': 'application/json' })
    .end(JSON.stringify(body));
});
beforeAll(async () => {
  await new Promise<void>((resolve) => authorizationServer.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(authorizationServer.address() as AddressInfo).port}`;
  world = await startGatewayWorld([], { issuer, jwksUrl: `${issuer}/jwks` });
});
afterAll(async () => {
  await world?.close();
  await new Promise((resolve) => authorizationServer.close(resolve));
});

test("an agent of 2025-03-26 finds the authorization server at the gateway's own origin, in each form of the address; when it is away, it is told to come back (B5, B32)", async () => {
  const at = (path: string) => fetch(new URL(`/.well-known/oauth-authorization-server${path}`, world.url));
  status = 503;
  const away = await at('');
  expect([away.status, away.headers.get('retry-after'), await away.json()]).toMatchObject([
    503,
    '5',
    { error: 'temporarily_unavailable' },
  ]);
  status = 200;
  world.clock.aheadMs += 5_000;
  for (const path of ['', '/mcp', '/mcp/notes']) {
    const found = await at(path);
    expect([path, found.status, found.headers.get('access-control-allow-origin')]).toEqual([path, 200, '*']);
    expect(await found.json()).toEqual({
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      registration_endpoint: `${issuer}/register`,
      code_challenge_methods_supported: ['S256'],
    });
  }
});
