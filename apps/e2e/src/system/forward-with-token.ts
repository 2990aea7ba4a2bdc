import { createServer, request as send } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Forwarder {
  readonly url: string;
  close(): Promise<void>;
}

export interface ForwarderOptions {
  /** What the gateways are known by. */
  readonly publicUrl: string;
  readonly nextGateway: () => string;
  /** Without it clients bring their own. */
  readonly token?: () => string;
  readonly onAnswer?: (gateway: string, status: number | undefined) => void;
}

/**
 * The suite has no token to send, so each of its requests passes here and gets one. All else goes through as it came,
 * header by header and byte by byte; a Host or Origin that names this place names the gateway's public URL instead,
 * whichever replica `nextGateway` chooses, as a load balancer passes it on.
 */
export async function forwardWithToken({
  publicUrl,
  nextGateway,
  token,
  onAnswer,
}: ForwarderOptions): Promise<Forwarder> {
  const { host } = new URL(publicUrl);
  const forward = (received: IncomingMessage, response: ServerResponse): void => {
    const chosen = nextGateway();
    const gateway = new URL(chosen);
    const own = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const headers = token === undefined ? [] : ['authorization', `Bearer ${token()}`];
    for (let at = 0; at < received.rawHeaders.length; at += 2) {
      const [name = '', value = ''] = received.rawHeaders.slice(at, at + 2);
      headers.push(
        name,
        /^(host|origin)$/i.test(name)
          ? value.replace(own, host).replace(own.replace('127.0.0.1', 'localhost'), host)
          : value,
      );
    }
    const onward = send(
      {
        host: gateway.hostname,
        port: gateway.port,
        path: received.url,
        method: received.method,
        headers,
        setHost: false,
      },
      (answer) => {
        onAnswer?.(chosen, answer.statusCode);
        response.writeHead(answer.statusCode ?? 502, answer.statusMessage ?? '', answer.rawHeaders);
        answer.pipe(response);
        answer.once('error', () => response.destroy());
      },
    );
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

/** They take turns, request by request. */
export function roundRobin(gateways: readonly string[]): () => string {
  let turn = 0;
  return () => gateways[turn++ % gateways.length] ?? '';
}
