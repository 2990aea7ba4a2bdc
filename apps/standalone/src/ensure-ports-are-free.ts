import { createServer } from 'node:net';
import { SallyportError } from '@sallyport/kernel';

export interface WantedPort {
  readonly use: string;
  readonly port: number;
  /** The environment variable that moves it. */
  readonly variable: string;
}

/**
 * Finds out that a port is taken before anything has started, so that the answer is one line.
 * @throws SallyportError `port_taken`
 */
export async function ensurePortsAreFree(host: string, ports: readonly WantedPort[]): Promise<void> {
  const users = new Map<number, WantedPort>();
  for (const wanted of ports) {
    const other = users.get(wanted.port);
    if (other)
      throw new SallyportError(
        'port_taken',
        `Port ${wanted.port} is wanted twice, for ${other.use} and for ${wanted.use}: change ${wanted.variable}.`,
      );
    users.set(wanted.port, wanted);
  }
  for (const { use, port, variable } of ports) {
    await new Promise<void>((resolve, reject) => {
      const probe = createServer();
      probe.once('error', (cause: NodeJS.ErrnoException) => {
        const why = cause.code === 'EADDRINUSE' ? 'is taken' : `cannot be used (${cause.code})`;
        reject(
          new SallyportError(
            'port_taken',
            `Port ${port} (${use}) ${why}: stop what listens there, or set ${variable}.`,
            { cause },
          ),
        );
      });
      probe.listen(port, host, () => probe.close(() => resolve()));
    });
  }
}
