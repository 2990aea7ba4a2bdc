import { connect, createServer, type AddressInfo } from 'node:net';

export interface Balancer {
  readonly url: string;
  close(): Promise<void>;
}

/** One address before several processes: each connection goes to one of them at random, and dies with it. */
export async function startBalancer(ports: () => readonly number[], random: () => number): Promise<Balancer> {
  const server = createServer((incoming) => {
    const behind = ports();
    const outgoing = connect({ host: '127.0.0.1', port: behind[Math.floor(random() * behind.length)] ?? 0 });
    const end = (): void => {
      incoming.destroy();
      outgoing.destroy();
    };
    for (const socket of [incoming, outgoing]) socket.once('error', end).once('close', end);
    incoming.pipe(outgoing).pipe(incoming);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}
