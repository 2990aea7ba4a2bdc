import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { SallyportError } from '@sallyport/kernel';
import { isLoopbackAddress } from './is-loopback.js';
import { refuseForeignRequest } from './refuse-foreign-request.js';

export interface LoopbackServer {
  readonly app: FastifyInstance;
  /** Origin, without a trailing slash. */
  readonly url: string;
  /** Requests wait until this was called, so that routes may be built from `url` after listening on port 0. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

const BODY_LIMIT_BYTES = 1_048_576;

/**
 * An HTTP server that only this machine can reach: it refuses to start on another address, and refuses peers, `Host`
 * and `Origin` that are not its own, whatever a proxy in front of it might do.
 * Throws `demo_not_loopback` or `port_taken`.
 */
export async function openLoopbackServer(options: {
  name: string;
  host: string;
  port: number;
}): Promise<LoopbackServer> {
  const { name, host, port } = options;
  if (host !== 'localhost' && !isLoopbackAddress(host)) throw notLoopback(name, host);

  let open: (handler: (request: IncomingMessage, response: ServerResponse) => void) => void = () => undefined;
  const handler = new Promise<(request: IncomingMessage, response: ServerResponse) => void>((resolve) => {
    open = resolve;
  });
  const server = createServer((request, response) => void handler.then((handle) => handle(request, response)));
  await listen(server, name, host, port);
  const address = server.address() as AddressInfo;
  if (!isLoopbackAddress(address.address)) {
    // whatever `localhost` resolves to here
    server.close();
    throw notLoopback(name, address.address);
  }
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`;

  const app = Fastify({
    bodyLimit: BODY_LIMIT_BYTES,
    serverFactory: (handle) => {
      open((request, response) => handle(request, response));
      return server;
    },
  });
  app.addHook('onRequest', (request, reply, done) => {
    const refusal = refuseForeignRequest({
      url,
      peer: request.raw.socket.remoteAddress,
      host: request.headers.host,
      origin: request.headers.origin,
    });
    if (refusal === undefined) return done();
    reply.code(403).type('text/plain; charset=utf-8').send(refusal);
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, new URLSearchParams(String(body))),
  );
  return {
    app,
    url,
    ready: async () => {
      await app.ready();
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      await app.close();
    },
  };
}

function notLoopback(name: string, host: string): SallyportError {
  return new SallyportError(
    'demo_not_loopback',
    `${name} is for development and listens on a loopback address only, not on ${host}.`,
  );
}

async function listen(
  server: ReturnType<typeof createServer>,
  name: string,
  host: string,
  port: number,
): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        cause.code === 'EADDRINUSE'
          ? new SallyportError('port_taken', `Port ${port} (${name}) is already in use.`, { cause })
          : new SallyportError('listen_failed', `${name} cannot listen on ${host}:${port}.`, { cause }),
      );
    });
    server.listen(port, host, () => resolve());
  });
}
