import { connect } from 'node:net';

/** A bare connection, for what no HTTP client would send. */
export interface RawConnection {
  write(bytes: string | Uint8Array): void;
  /** Takes nothing of what is sent from now on. */
  stopReading(): void;
  /** All that came so far. */
  received(): string;
  /** Resolves with all that came once it matches. @throws Error when the connection ends before */
  until(pattern: RegExp): Promise<string>;
  /** Resolves with all that came once the connection is closed, by either side. */
  readonly closed: Promise<string>;
  destroy(): void;
}

/** @param from another address of this machine, such as `127.0.0.2` */
export async function openRawConnection(url: string, from?: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url);
  const socket = connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port),
    ...(from === undefined ? {} : { localAddress: from }),
  });
  let text = '';
  let look = (): void => undefined;
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
    look();
  });
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(text)));
  await Promise.race([new Promise((resolve) => socket.once('connect', resolve)), closed]);
  return {
    write: (bytes) => void socket.write(bytes),
    stopReading: () => void socket.pause(),
    received: () => text,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        look = () => (pattern.test(text) ? resolve(text) : undefined);
        look();
        void closed.then(() =>
          pattern.test(text) ? resolve(text) : reject(new Error(`the connection ended with: ${text.slice(0, 500)}`)),
        );
      }),
    closed,
    destroy: () => void socket.destroy(),
  };
}
