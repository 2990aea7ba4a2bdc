import { request } from 'node:http';
import { freePort } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { register, TestAgent } from '../testing/test-agent.js';
import { startTestDeployment, type TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
beforeAll(async () => {
  const port = await freePort();
  // As behind a proxy that ends TLS: the public origin is https, the listener is not.
  deployment = await startTestDeployment({
    issuer: 'https://login.example',
    port,
    internalUrls: [`http://127.0.0.1:${port}`],
  });
});
afterAll(() => deployment.close());

function get(
  path: string,
  headers: Record<string, string> = {},
): Promise<{
  status: number | undefined;
  location: string | undefined;
  cookies: string[];
  body: string;
  headers: Record<string, unknown>;
}> {
  return new Promise((resolve, reject) => {
    request(
      { host: '127.0.0.1', port: deployment.config.port, path, headers: { host: 'login.example', ...headers } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode,
            location: response.headers.location,
            cookies: response.headers['set-cookie'] ?? [],
            body: Buffer.concat(chunks).toString(),
            headers: response.headers,
          }),
        );
      },
    )
      .on('error', reject)
      .end();
  });
}

test('on https every cookie is Secure and carries the prefix its path allows (S31)', async () => {
  const inside = { ...deployment, issuer: `http://127.0.0.1:${deployment.config.port}` };
  const { body } = await register(inside);
  const url = new TestAgent(inside, String(body['client_id'])).authorizationUrl();
  const started = await get(url.pathname + url.search);
  expect([started.status, started.location]).toEqual([303, expect.stringMatching(/^\/interaction\//)]);
  const page = await get(started.location ?? '', {
    cookie: started.cookies.map((cookie) => cookie.split(';')[0]).join('; '),
  });
  expect(page.status).toBe(200);
  const cookies = [...started.cookies, ...page.cookies];
  expect(cookies.length).toBeGreaterThanOrEqual(3);
  for (const cookie of cookies) {
    expect(cookie).toMatch(/; secure/i);
    expect(cookie).toMatch(/; httponly/i);
    if (/; path=\/(;|$)/i.test(cookie)) expect(cookie).toMatch(/^__Host-sallyport_as_/);
    else expect(cookie).toMatch(/^__Secure-sallyport_as_/);
  }
  expect(page.headers['strict-transport-security']).toBeDefined();
});

test('what it says about itself is the public origin, also to those who reach it by an internal name (S19)', async () => {
  for (const host of ['login.example', `127.0.0.1:${deployment.config.port}`]) {
    const { status, body } = await get('/.well-known/oauth-authorization-server', { host });
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({
      issuer: 'https://login.example',
      token_endpoint: 'https://login.example/token',
      jwks_uri: 'https://login.example/jwks',
    });
  }
  expect((await get('/jwks', { host: 'authorization-server:7401' })).status).toBe(403);
});
