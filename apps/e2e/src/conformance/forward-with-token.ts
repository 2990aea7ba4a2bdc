import { createServer, request as send } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Forwarder {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * The suite has no token to send, so each of its requests passes here and gets one. All else goes through as it came,
 * header by header and byte by byte; a Host or Origin that names this place names the gateway instead. With several
 * gateways they take turns.
 */
export async function forwardWithToken(gateways: readonly string[], token: () => string): Promise<Forwarder> {
  let turn = 0;
  const forward = (received: IncomingMessage, response: ServerResponse): void => {
    const gateway = new URL(gateways[turn++ % gateways.length] ?? '');
    const own = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const headers = ['authorization', `Bearer ${token()}`];
    for (let at = 0; at < received.rawHeaders.length; at += 2) {
      const [name = '', value = ''] = received.rawHeaders.slice(at, at + 2);
      headers.push(name, /^(host|origin)$/i.test(name) ? value.replace(own, gateway.host).replace(own.replace('127.0.0.1', 'localhost'), gateway.host) : value);
    }
    const onward = send({ host: gateway.hostname, port: gateway.port, path: received.url, method: received.method, headers, setHost: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', answer.rawHeaders);
      answer.pipe(response);
      answer.once('error', () => response.destroy());
    });
    onward.once('error', () => response.destroy());
    response.once('close', () => onward.destroy());
    received.pipe(onward);
  };
  const server = createServer(forward);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
