import { createConnection } from 'node:net';
import pg from 'pg';
import { expect, test } from 'vitest';
import { startPrivateNats, startTestPostgres, startTestRedis } from './index.js';
import { startTestNats } from './nats.js';

/** Sends one line and returns the first one that comes back and matches. */
function talk(url: string, line: string, expected: RegExp): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: hostname, port: Number(port) });
    socket
      .setEncoding('utf8')
      .setTimeout(5_000, () => reject(new Error('silence')))
      .once('error', reject);
    socket.on('data', (text: string) => {
      if (!expected.test(text)) return;
      socket.destroy();
      resolve(text);
    });
    socket.write(line);
  });
}

test('each caller gets a database of its own with every migration applied', async () => {
  const [one, other] = await Promise.all([startTestPostgres(), startTestPostgres()]);
  expect(one.url).not.toBe(other.url);
  const url = new URL(one.url);
  url.search = '';
  const client = new pg.Client({ connectionString: url.toString() });
  await client.connect();
  expect((await client.query('SELECT 1 FROM "User"')).rows).toEqual([]);
  await client.end();
  await Promise.all([one.stop(), other.stop()]);
});

test('NATS answers, with JetStream', async () => {
  const nats = await startTestNats();
  expect(await talk(nats.url, '', /INFO/)).toMatch(/"jetstream":\s*true/);
  await nats.stop();
});

test('a private NATS survives kill and restart on its port', async () => {
  const nats = await startPrivateNats();
  await nats.kill();
  await expect(talk(nats.url, '', /INFO/)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await nats.restart();
  expect(await talk(nats.url, '', /INFO/)).toContain('server_id');
  await nats.stop();
});

test('Redis answers', async () => {
  const redis = await startTestRedis();
  expect(await talk(redis.url, 'PING\r\n', /PONG/)).toContain('PONG');
  await redis.stop();
});

test('a server that cannot start is an error with its own words', async () => {
  await expect(startPrivateNats(() => 'port: nonsense')).rejects.toMatchObject({
    code: 'test_server_failed',
    message: expect.stringContaining('port'),
  });
});
