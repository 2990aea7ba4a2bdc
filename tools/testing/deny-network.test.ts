import { createServer, connect } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';

test('a unit test that reaches beyond this machine fails and is told what to do', async () => {
  const socket = connect(443, '192.0.2.1');
  const [error] = (await once(socket, 'error')) as [Error];
  expect(error.message).toMatch(/tried to reach 192\.0\.2\.1/);
  await expect(fetch('http://192.0.2.1:8080/')).rejects.toMatchObject({
    cause: { message: expect.stringMatching(/tried to reach/) },
  });
});

test('a unit test may talk to its own server on loopback', async () => {
  const server = createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const socket = connect(address.port, '127.0.0.1');
  const [data] = (await once(socket, 'data')) as [Buffer];
  expect(data.toString()).toBe('hello');
  server.close();
});
