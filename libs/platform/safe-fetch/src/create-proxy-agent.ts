import { Agent, type RequestOptions } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect, type ConnectionOptions } from 'node:tls';
import { callbackify } from 'node:util';
import { openTunnel } from './open-tunnel.js';
import { proxyFor, type OutboundProxy } from './outbound-proxy.js';

const TUNNEL_MS = 5_000;

/**
 * Creates an https agent that uses the proxy and has no guard. It is for vendors' clients, which bring their own HTTP
 * and call only what an administrator named.
 */
export function createProxyAgent(proxy: OutboundProxy): Agent {
  return new (class extends Agent {
    override createConnection(
      options: RequestOptions,
      callback: (error: Error | null, connection: Duplex) => void,
    ): Duplex | null | undefined {
      const to = { protocol: 'https:', hostname: options.host ?? '', port: Number(options.port ?? 443) };
      const server = proxyFor(proxy, to);
      if (server === undefined) return super.createConnection(options, callback);
      const open = callbackify(async () =>
        connect({
          ...options,
          port: to.port,
          host: to.hostname,
          socket: await openTunnel(server, to, { timeoutMs: TUNNEL_MS }),
        } as ConnectionOptions),
      );
      open(callback);
      return undefined;
    }
  })({ keepAlive: true });
}
