import { createSocket, type Socket } from 'node:dgram';
import { Resolver, type LookupAddress } from 'node:dns';
import { once } from 'node:events';
import { afterEach, expect, test } from 'vitest';
import { resolveApart } from './resolve-apart.js';

const sockets: Socket[] = [];
afterEach(() => sockets.splice(0).forEach((socket) => socket.close()));

/** RFC 1035 section 4: every name has this IPv4 address, and no other; `none` does not exist, and `silent` is not answered. */
async function startNameServer() {
  const socket = createSocket('udp4');
  sockets.push(socket);
  socket.on('message', (query, peer) => {
    const end = query.indexOf(0, 12) + 5;
    const isAddress = query.readUInt16BE(end - 4) === 1;
    const name = query.subarray(13, 13 + (query[12] ?? 0)).toString();
    if (name === 'silent') return;
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(name === 'none' ? 0x8183 : 0x8180, 2);
    header.writeUInt16BE(isAddress && name !== 'none' ? 1 : 0, 6);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
    socket.send(
      Buffer.concat([header, query.subarray(12, end), ...(isAddress && name !== 'none' ? [answer] : [])]),
      peer.port,
      peer.address,
    );
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const resolver = new Resolver({ timeout: 200, tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return resolver;
}
const ask = (resolve: ReturnType<typeof resolveApart>, hostname: string) =>
  new Promise<{ error: string | undefined; addresses: LookupAddress[] }>((done) =>
    resolve(hostname, (error, addresses) =>
      done({ error: error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined, addresses }),
    ),
  );

test('names of agents are asked for at a name server, and what it says is believed (S32)', async () => {
  const resolve = resolveApart([], await startNameServer());
  expect(await ask(resolve, 'agent.example')).toEqual({
    error: undefined,
    addresses: [{ address: '192.0.2.7', family: 4 }],
  });
  expect(await ask(resolve, 'none.example')).toEqual({ error: 'ENOTFOUND', addresses: [] });
  expect(await ask(resolve, 'silent.example')).toEqual({ error: 'ETIMEOUT', addresses: [] });
});

test("hosts an administrator lists are the system's to know", async () => {
  const resolve = resolveApart(() => [{ host: 'localhost' }], await startNameServer());
  const { addresses } = await ask(resolve, 'localhost');
  expect(addresses.length).toBeGreaterThan(0);
  for (const { address } of addresses) expect(['127.0.0.1', '::1']).toContain(address);
});
