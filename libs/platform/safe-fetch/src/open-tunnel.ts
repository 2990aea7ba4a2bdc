import { request as requestPlainly, STATUS_CODES } from 'node:http';
import { request as requestByTls } from 'node:https';
import type { Duplex } from 'node:stream';
import { isIP, Socket } from 'node:net';
import { SallyportError } from '@sallyport/kernel';
import { authorityOf, type ProxyServer } from './outbound-proxy.js';

export interface TunnelOptions {
  /** Milliseconds for the connection to the proxy and its answer. */
  readonly timeoutMs: number;
  /** PEM of the authorities that a proxy's TLS certificate may come from; the system's when absent. */
  readonly ca?: string[] | undefined;
}

const KEEP_ALIVE_MS = 60_000;

/**
 * Asks a proxy for a tunnel to a host and port (CONNECT, RFC 9110 section 9.3.6). The tunnel has no idle timeout. The
 * proxy sees the host, the port, its own credentials and whatever is written to the tunnel.
 * @throws SallyportError `outbound_proxy_failed`, which names the proxy and its answer; the host then received nothing
 */
export function openTunnel(
  proxy: ProxyServer,
  to: { readonly hostname: string; readonly port: number },
  { timeoutMs, ca }: TunnelOptions,
): Promise<Socket> {
  const authority = authorityOf(to.hostname, to.port);
  const failed = (what: string, more?: Parameters<typeof proxyFailure>[1]) =>
    proxyFailure(`The proxy at ${authorityOf(proxy.hostname, proxy.port)} ${what}`, more);
  return new Promise((resolve, reject) => {
    const asked = (proxy.protocol === 'https:' ? requestByTls : requestPlainly)({
      method: 'CONNECT',
      host: proxy.hostname,
      port: proxy.port,
      path: authority,
      agent: false,
      setHost: false,
      headers: {
        host: authority,
        connection: 'keep-alive',
        'proxy-connection': 'keep-alive',
        ...(proxy.authorization === undefined ? {} : { 'proxy-authorization': proxy.authorization.reveal() }),
      },
      ...(proxy.protocol === 'https:'
        ? { servername: isIP(proxy.hostname) === 0 ? proxy.hostname : '', ...(ca === undefined ? {} : { ca }) }
        : {}),
    });
    const late = setTimeout(() => asked.destroy(failed(`did not answer CONNECT ${authority} in time.`)), timeoutMs);
    asked.once('connect', ({ statusCode = 0 }, socket: Duplex, head: Buffer) => {
      clearTimeout(late);
      if (statusCode < 200 || statusCode > 299 || !(socket instanceof Socket)) {
        socket.on('error', () => undefined).destroy();
        return reject(
          failed(
            `answered ${statusCode}${reasonOf(statusCode)} to CONNECT ${authority}.${remedyOf(statusCode, proxy)}`,
            { detail: { status: statusCode } },
          ),
        );
      }
      if (head.length > 0) socket.unshift(head);
      resolve(socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS));
    });
    asked.on('error', (error) => {
      clearTimeout(late);
      reject(
        error instanceof SallyportError
          ? error
          : failed(`cannot be asked for ${authority}: ${codeOf(error)}.`, { cause: error }),
      );
    });
    asked.end();
  });
}

/** @param more `detail` has the status of the proxy's answer */
export const proxyFailure = (
  message: string,
  more: { readonly cause?: unknown; readonly detail?: { readonly status: number } } = {},
): SallyportError<'outbound_proxy_failed'> => new SallyportError('outbound_proxy_failed', message, more);

const reasonOf = (status: number): string => (STATUS_CODES[status] === undefined ? '' : ` ${STATUS_CODES[status]}`);

function remedyOf(status: number, proxy: ProxyServer): string {
  if (status === 407)
    return ` It wants ${proxy.authorization === undefined ? 'a' : 'another'} user and password: write them in its URL.`;
  if (status === 403 || status === 405) return ' Whoever runs the proxy has to allow it, or NO_PROXY to name the host.';
  return status >= 502 && status <= 504 ? ' It does not reach the host.' : '';
}

/** The error's code. Its message is left out, because it may quote what was sent. */
function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined
    ? 'the connection broke off'
    : code.startsWith('HPE_')
      ? `its answer is no HTTP (${code})`
      : code;
}
