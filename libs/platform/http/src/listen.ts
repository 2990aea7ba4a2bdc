import { SallyportError } from '@sallyport/kernel';
import type { FastifyInstance } from 'fastify';

/**
 * Starts to listen.
 * @returns the URL, such as `http://127.0.0.1:8080`, or with `https` where TLS ends here
 * @throws SallyportError `port_taken`, `port_forbidden` or `address_unavailable`
 */
export async function listen(
  fastify: FastifyInstance,
  { port, host }: { readonly port: number; readonly host: string },
): Promise<string> {
  try {
    await fastify.listen({ port, host });
  } catch (error) {
    throw translateListenError(error, port, host);
  }
  const address = fastify.server.address();
  const actual = typeof address === 'object' && address !== null ? address.port : port;
  const scheme = 'setSecureContext' in fastify.server ? 'https' : 'http';
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${actual}`;
}

/** Turns an error of `server.listen` into one that names the port and the remedy. Returns any other error as it is. */
export function translateListenError(error: unknown, port: number, host: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE')
    return new SallyportError(
      'port_taken',
      `Port ${port} on ${host} is taken: stop what listens there or configure another port.`,
      { cause: error },
    );
  if (code === 'EACCES')
    return new SallyportError(
      'port_forbidden',
      `The user that runs this process may not open port ${port} on ${host}: configure a port above 1023.`,
      { cause: error },
    );
  if (code === 'EADDRNOTAVAIL')
    return new SallyportError(
      'address_unavailable',
      `This machine has no address ${host} to listen on: configure one that it has.`,
      { cause: error },
    );
  return error;
}

/**
 * Closes an app: it accepts no new connections, running requests may finish within `graceMs`, then it cuts the rest.
 * @param options.graceMs milliseconds
 * @param options.close what closes it, where that is more than the listener
 */
export async function closeListener(
  fastify: FastifyInstance,
  {
    graceMs = 5_000,
    close = () => fastify.close(),
  }: { graceMs?: number | undefined; close?: () => Promise<void> } = {},
): Promise<void> {
  const cut = setTimeout(() => fastify.server.closeAllConnections(), graceMs);
  try {
    await close();
  } finally {
    clearTimeout(cut);
  }
}
