import { MAX_CHANGE_SET_BYTES } from '@sallyport/admin-api';
import { bytesHeld, fillConnections, listenerLimits, stallBody } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { ADMIN_TOKEN, deployForEachTest, url } from './connect-deployment.js';

deployForEachTest();

test('the listener of the control plane has each limit (S33)', async () => {
  const outcomes = await Promise.all(
    listenerLimits.map(async ({ limit, provoke }) => [limit, await provoke(`${url}/connect/x`)] as const),
  );
  for (const [index, { limit, refused }] of listenerLimits.entries())
    expect(outcomes[index]).toEqual([limit, expect.stringMatching(refused)]);
}, 60_000);

test('it keeps half of its connections from one address (S33)', async () => {
  const { held, told, another } = await fillConnections(url, '127.0.0.9', 256);
  expect(held).toBeGreaterThan(100);
  expect(held).toBeLessThanOrEqual(128);
  expect([told, another]).toEqual([expect.stringMatching(/^HTTP\/1\.1 429 .*retry-after/s), true]);
});

test.each(['/connect/x', '/connect/confirm', '/connect/shared/x', '/account/connect', '/session/end', '/nothing'])(
  'a form over 16 KiB for %s is refused, announced before any of it came, and in chunks (S33)',
  async (path) => {
    for (const length of [16_385, 'chunked'] as const) {
      const connection = await stallBody(`${url}${path}`, { length, sent: length === 'chunked' ? 16_385 : 1 });
      expect(await connection.until(/HTTP\/1\.1 \d+ [\s\S]*\r\n\r\n/)).toMatch(/^HTTP\/1\.1 413 /);
      connection.destroy();
    }
  },
);

test('an administrator may send a megabyte, and nothing is read of whoever shows no token (S33)', async () => {
  const headers = { 'content-type': 'application/json' };
  const nobody = await stallBody(`${url}/v1/revocations`, { length: 100_000, headers });
  expect(await nobody.until(/HTTP\/1\.1 \d+ [\s\S]*\r\n\r\n/)).toMatch(/^HTTP\/1\.1 401 /);
  nobody.destroy();
  const post = async (length: number) =>
    (
      await fetch(`${url}/v1/revocations`, {
        method: 'POST',
        headers: { ...headers, authorization: `Bearer ${ADMIN_TOKEN}` },
        body: JSON.stringify({ padding: 'x'.repeat(length) }),
      })
    ).status;
  expect([await post(1_000_000), await post(1_100_000)]).toEqual([400, 413]);
});

test('a change set may have 32 MiB to the byte; more is refused as it is announced, and of nobody any is read (S33)', async () => {
  const path = `${url}/v1/change-sets?dryRun=true`;
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${ADMIN_TOKEN}` };
  const body = JSON.stringify({ set: null, documents: [] }).padEnd(MAX_CHANGE_SET_BYTES);
  expect(body).toHaveLength(32 * 1024 * 1024);
  expect((await fetch(path, { method: 'POST', headers, body })).status).toBe(200);
  const tooLarge = await stallBody(path, { length: MAX_CHANGE_SET_BYTES + 1, headers });
  expect(await tooLarge.until(/HTTP\/1\.1 \d+ [\s\S]*\r\n\r\n/)).toMatch(/^HTTP\/1\.1 413 /);
  tooLarge.destroy();
  const nobody = await stallBody(path, {
    length: MAX_CHANGE_SET_BYTES,
    headers: { 'content-type': 'application/json' },
  });
  expect(await nobody.until(/HTTP\/1\.1 \d+ [\s\S]*\r\n\r\n/)).toMatch(/^HTTP\/1\.1 401 /);
  nobody.destroy();
}, 60_000);

test('forms without anything that stall are answered 408 after seconds, hold what they announced, and an administrator is served meanwhile (S33)', async () => {
  const before = bytesHeld();
  const stalled = await Promise.all(
    Array.from(
      { length: 100 },
      async () => await stallBody(`${url}/connect/x`, { length: 16_384, sent: 16_000, from: '127.0.0.9' }),
    ),
  );
  await expect.poll(() => bytesHeld() - before, { timeout: 8_000 }).toBeLessThan(16 * 1024 * 1024);
  expect(
    (await fetch(`${url}/v1/agent-sessions`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } })).status,
  ).toBe(200);
  const answers = await Promise.all(stalled.map(async ({ closed }) => await closed));
  expect(answers.filter((answer) => !answer.startsWith('HTTP/1.1 408 '))).toEqual([]);
}, 60_000);
