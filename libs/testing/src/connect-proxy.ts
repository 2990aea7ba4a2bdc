import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { TestAuthority } from './test-authority.js';

export interface ProxyRequest {
  /** `CONNECT`, or what a client sent that wanted no tunnel. */
  readonly method: string;
  /** `host:port` of a CONNECT, else the request target as it came. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
}

/** `hang`: no answer; `close`: the connection ends without one; `garbage`: no HTTP. */
export type ProxyAnswer =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | 'hang'
  | 'close'
  | 'garbage';

export interface ConnectProxy {
  readonly url: string;
  readonly port: number;
  readonly asked: ProxyRequest[];
  /** What clients wrote into tunnels, and what came back, as text. */
  readonly passed: () => string;
  /** How many connections to the proxy itself showed it a certificate. */
  readonly clientCertificates: number;
  /** Tunnels that are open. */
  readonly open: () => number;
  /** Asked before a tunnel is opened; `undefined` opens it. */
  instead: (request: ProxyRequest) => ProxyAnswer | undefined;
  /** Cuts every tunnel, as a proxy does that restarts. */
  cut(): void;
  close(): Promise<void>;
}

/**
 * A proxy that opens tunnels (CONNECT, RFC 9110 section 9.3.6) on loopback. It resolves names by itself, like a real
 * one: only those it is told, each to a port of this machine; for any other it answers 502.
 */
export async function startConnectProxy({
  reaches,
  behindTls,
}: {
  /** By `host:port`, or by host for any port. */ readonly reaches: Readonly<Record<string, number>>;
  /** It is spoken to by TLS, as `localhost`. */ readonly behindTls?: TestAuthority;
}): Promise<ConnectProxy> {
  const asked: ProxyRequest[] = [];
  const bytes: Buffer[] = [];
  const tunnels = new Set<Duplex>();
  const refuse = (client: Duplex, answer: ProxyAnswer): void => {
    if (answer === 'hang') return;
    if (answer === 'close') return void client.destroy();
    if (answer === 'garbage') return void client.end('what is this\r\n\r\n');
    const { status, headers = {}, body = '' } = answer;
    client.end(
      [
        `HTTP/1.1 ${status} As I Say`,
        ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
        `content-length: ${body.length}`,
        '',
        body,
      ].join('\r\n'),
    );
  };
  const tunnel = (request: IncomingMessage, client: Duplex, head: Buffer): void => {
    const known: ProxyRequest = { method: 'CONNECT', target: request.url ?? '', headers: request.headers };
    asked.push(known);
    client.on('error', () => client.destroy());
    const port = reaches[known.target] ?? reaches[known.target.replace(/:\d+$/, '')];
    const instead = proxy.instead(known) ?? (port === undefined ? { status: 502 } : undefined);
    if (instead !== undefined || port === undefined) return refuse(client, instead ?? 'close');
    const there = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (head.length > 0) there.write(head);
      client.on('data', (chunk: Buffer) => bytes.push(chunk)).pipe(there);
      there.on('data', (chunk: Buffer) => bytes.push(chunk)).pipe(client);
    });
    tunnels.add(client);
    client.once('close', () => {
      tunnels.delete(client);
      there.destroy();
    });
    there.on('error', () => client.destroy()).once('close', () => client.destroy());
  };
  const server =
    behindTls === undefined
      ? createServer()
      : createTlsServer({
          ...(await behindTls.issue({ dns: ['localhost'], ip: ['127.0.0.1'] })),
          requestCert: true,
          rejectUnauthorized: false,
        });
  let clientCertificates = 0;
  server.on(
    'secureConnection',
    (socket: TLSSocket) => (clientCertificates += Object.keys(socket.getPeerCertificate()).length > 0 ? 1 : 0),
  );
  const connections = new Set<Socket>();
  server.on(
    'connection',
    (socket: Socket) => void connections.add(socket.once('close', () => connections.delete(socket))),
  );
  server.on('connect', tunnel).on('request', (request, response) => {
    asked.push({ method: request.method ?? '', target: request.url ?? '', headers: request.headers });
    response.writeHead(400).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const cut = () => {
    for (const client of tunnels) client.destroy();
  };
  const proxy: ConnectProxy = {
    url: behindTls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    port,
    asked,
    passed: () => Buffer.concat(bytes).toString('latin1'),
    get clientCertificates() {
      return clientCertificates;
    },
    open: () => tunnels.size,
    instead: () => undefined,
    cut,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of connections) socket.destroy(); // also those that nobody reads from
      }),
  };
  return proxy;
}
