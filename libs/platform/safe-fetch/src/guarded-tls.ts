import type { TLSSocket } from 'node:tls';
import { SallyportError } from '@sallyport/kernel';
import { guardedConnect, type GuardOptions } from './guarded-connect.js';

/** Connects to a host that speaks TLS and no HTTP, e.g. `('syslog.example', 6514)`. */
export type ConnectTls = (host: string, port: number) => Promise<TLSSocket>;

/**
 * Creates a `connect` behind the guard. It resolves when the certificate is verified, and rejects with SallyportError
 * `outbound_refused` (by the guard), `outbound_proxy_failed` or `outbound_unreachable` (nothing was sent).
 */
export function createGuardedTls(guard: GuardOptions): ConnectTls {
  const connect = guardedConnect(guard);
  return (host, port) => {
    const hostname = host.includes(':') ? `[${host}]` : host;
    return new Promise((resolve, reject) =>
      connect({ hostname, host: hostname, protocol: 'https:', port: String(port) }, (...[error, socket]) => {
        if (socket) return resolve(socket as TLSSocket);
        reject(error instanceof SallyportError ? error : unreachable(host, error));
      }),
    );
  };
}

function unreachable(host: string, cause: unknown): SallyportError<'outbound_unreachable'> {
  const why = cause instanceof Error && 'code' in cause ? ` (${String(cause.code)})` : '';
  return new SallyportError('outbound_unreachable', `${host} cannot be reached${why}.`, { cause });
}
