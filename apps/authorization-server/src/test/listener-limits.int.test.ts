import { bytesHeld, fillConnections, listenerLimits, stallBody } from '@sallyport/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestDeployment } from '../testing/test-deployment.js';
import type { TestDeployment } from '../testing/test-deployment.js';

let deployment: TestDeployment;
beforeAll(async () => void (deployment = await startTestDeployment({ maxConnections: 400 })));
afterAll(async () => await deployment?.close());

test('the listener of the authorization server has each limit (S33)', async () => {
  const outcomes = await Promise.all(
    listenerLimits.map(async ({ limit, provoke }) => [limit, await provoke(`${deployment.issuer}/token`)] as const),
  );
  for (const [index, { limit, refused }] of listenerLimits.entries())
    expect(outcomes[index]).toEqual([limit, expect.stringMatching(refused)]);
}, 60_000);

test('it keeps half of its connections from one address (S33)', async () => {
  const { held, told, another } = await fillConnections(deployment.issuer, '127.0.0.9', 400);
  expect(held).toBeGreaterThan(150);
  expect(held).toBeLessThanOrEqual(200);
  expect([told, another]).toEqual([expect.stringMatching(/^HTTP\/1\.1 429 .*retry-after/s), true]);
});

test.each([
  ['/token', 'application/x-www-form-urlencoded'],
  ['/par', 'application/x-www-form-urlencoded'],
  ['/authorize', 'application/x-www-form-urlencoded'],
  ['/introspect', 'application/x-www-form-urlencoded'],
  ['/revoke', 'application/x-www-form-urlencoded'],
  ['/register', 'application/json'],
  ['/interaction/abc', 'application/x-www-form-urlencoded'],
  ['/federation/test/backchannel-logout', 'application/x-www-form-urlencoded'],
  ['/nothing', 'application/json'],
])('a body over 16 KiB for %s is refused, announced before any of it came, and in chunks (S33)', async (path, type) => {
  const url = `${deployment.issuer}${path}`;
  const headers = { 'content-type': type };
  for (const length of [16_385, 'chunked'] as const) {
    const connection = await stallBody(url, { length, sent: length === 'chunked' ? 16_385 : 1, headers });
    expect(await connection.until(/HTTP\/1\.1 \d+ [\s\S]*\r\n\r\n/)).toMatch(/^HTTP\/1\.1 413 /);
    connection.destroy();
  }
});

test('bodies that stall at the token endpoint hold their announced length, are answered 408, and somebody else is served (S33)', async () => {
  const before = bytesHeld();
  const stalled = await Promise.all(
    Array.from(
      { length: 150 },
      async () => await stallBody(`${deployment.issuer}/token`, { length: 16_384, sent: 16_000, from: '127.0.0.9' }),
    ),
  );
  await expect.poll(() => bytesHeld() - before, { timeout: 8_000 }).toBeLessThan(16 * 1024 * 1024);
  const served = await fetch(`${deployment.issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x', client_id: 'nobody' }),
  });
  expect(served.status).toBe(401);
  const answers = await Promise.all(stalled.map(async ({ closed }) => await closed));
  expect(answers.filter((answer) => !answer.startsWith('HTTP/1.1 408 '))).toEqual([]);
  expect(deployment.logLines.join('')).not.toContain('the OAuth engine failed');
}, 60_000);
