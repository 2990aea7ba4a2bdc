import type { IncomingMessage } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';

export interface ForwardedAddress {
  /** The name the client asked for. */
  readonly host: string;
  /** The client's address. */
  readonly ip: string | undefined;
}

/**
 * Reads who sent a request and which host they asked for, before Fastify does and as Fastify does (its `request.ip` and
 * `request.host`): what a proxy forwards counts only where the proxy is trusted (security rule S19).
 */
export function createForwardedAddress(
  trustedProxies: readonly string[],
): (request: IncomingMessage) => ForwardedAddress {
  if (trustedProxies.length === 0)
    return ({ headers, socket }) => ({ host: headers.host ?? '', ip: socket.remoteAddress });
  const isTrusted = proxyAddr.compile([...trustedProxies]);
  return (request) => {
    const { headers, socket } = request;
    const forwarded = isTrusted(socket.remoteAddress ?? '', 0) ? headers['x-forwarded-host'] : undefined;
    const last = forwarded?.toString().split(',').at(-1)?.trim();
    return { host: last || (headers.host ?? ''), ip: proxyAddr.all(request, isTrusted).at(-1) };
  };
}
