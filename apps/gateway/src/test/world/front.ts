import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Stands before several replicas as a load balancer does; `x-replica` says which one a test means. */
export interface Front {
  readonly origin: string;
  /** Where each replica listens. */
  readonly targets: string[];
  close(): Promise<void>;
}

export async function startFront(): Promise<Front> {
  const http = createServer((inbound, response) => {
    const { 'x-replica': replica = '0', ...headers } = inbound.headers;
    const outbound = httpRequest(
      new URL(inbound.url ?? '/', front.targets[Number(replica)] ?? 'http://127.0.0.1:9'),
      { method: inbound.method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.flushHeaders();
        answer.pipe(response);
        answer.on('error', () => response.destroy());
      },
    );
    outbound.on('error', () => response.destroy());
    response.on('close', () => outbound.destroy());
    inbound.pipe(outbound);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const front: Front = {
    origin: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    targets: [],
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return front;
}
