import { openRawConnection } from './raw-connection.js';
import type { RawConnection } from './raw-connection.js';

/** One limit that every listener of the product has, and what goes over it. */
export interface ListenerLimit {
  readonly limit: string;
  /** What the sender reads, or that the connection ends. */
  readonly refused: RegExp;
  /** Resolves with what came. Without the limit it does not resolve. */
  provoke(url: string): Promise<string>;
}

/** The limits of `@sallyport/http`, as their defaults are: the slowest is seen after about fifteen seconds. */
export const listenerLimits: readonly ListenerLimit[] = [
  {
    limit: 'the size of a head',
    refused: /^HTTP\/1\.1 431 /,
    provoke: (url) => provoke(url, (it, head) => it.write(`${head('GET')}x: ${'x'.repeat(20_000)}\r\n\r\n`)),
  },
  {
    limit: 'the number of headers',
    refused: /^HTTP\/1\.1 431 /,
    provoke: (url) =>
      provoke(url, (it, head) =>
        it.write(`${head('GET')}${Array.from({ length: 120 }, (_, n) => `x-${n}: 1\r\n`).join('')}\r\n`),
      ),
  },
  {
    limit: 'the time of a head',
    refused: /^HTTP\/1\.1 408 /,
    provoke: (url) => provoke(url, (it, head) => it.write(head('GET'))),
  },
  {
    limit: 'the time until a first request',
    refused: /^HTTP\/1\.1 408 |^$/,
    provoke: (url) => provoke(url, () => undefined),
  },
  {
    limit: 'requests that wait on one connection',
    refused: /HTTP\/1\.1 429 [\s\S]*retry-after/i,
    provoke: (url) => provoke(url, (it, head) => it.write(`${head('GET')}\r\n`.repeat(200))),
  },
  {
    limit: 'the least rate of a body',
    refused: /^(?:HTTP\/1\.1 (?:4|5)\d\d |$)/,
    provoke: (url) =>
      provoke(url, (it, head) =>
        it.write(`${head('POST')}content-type: application/x-www-form-urlencoded\r\ncontent-length: 1000\r\n\r\na=`),
      ),
  },
];

async function provoke(
  url: string,
  send: (connection: RawConnection, head: (method: string) => string) => void,
): Promise<string> {
  const { host, pathname } = new URL(url);
  const connection = await openRawConnection(url);
  send(connection, (method) => `${method} ${pathname} HTTP/1.1\r\nhost: ${host}\r\n`);
  return await connection.closed;
}

/**
 * Opens connections from one address until one is turned away.
 * @returns how many stayed open, what the next one read, and whether another address still gets in
 */
export async function fillConnections(
  url: string,
  from: string,
  most: number,
): Promise<{ held: number; told: string; another: boolean }> {
  const held: RawConnection[] = [];
  try {
    for (;;) {
      const one = await openRawConnection(url, from);
      const told = await Promise.race([one.closed, settled(one)]);
      if (typeof told === 'string') return { held: held.length, told, another: await getsIn(url) };
      held.push(one);
      if (held.length > most) return { held: held.length, told: '', another: true };
    }
  } finally {
    for (const one of held) one.destroy();
  }
}

/** A connection that is let in answers: even a request that means nothing. */
async function settled(connection: RawConnection): Promise<undefined> {
  connection.write('GET /nothing HTTP/1.1\r\nhost: nobody.example\r\n\r\n');
  await connection.until(/^HTTP\/1\.1 (?:403|404) /).catch(() => new Promise(() => undefined));
  return undefined;
}

async function getsIn(url: string): Promise<boolean> {
  const { host } = new URL(url);
  const connection = await openRawConnection(url);
  connection.write(`GET / HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
  return /^HTTP\/1\.1 (?!429|503)/.test(await connection.closed);
}

/** One for all connections: what a test holds itself must not count. */
const SPACES = Buffer.alloc(4 * 1024 * 1024, ' ');

/** A body that is announced and then stalls. @param sent bytes that come all the same */
export async function stallBody(
  url: string,
  {
    length,
    sent = 1,
    headers = {},
    from,
  }: { length: number | 'chunked'; sent?: number; headers?: Readonly<Record<string, string>>; from?: string },
): Promise<RawConnection> {
  const { host, pathname } = new URL(url);
  const connection = await openRawConnection(url, from);
  const framing = length === 'chunked' ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(length) };
  const lines = Object.entries({ host, 'content-type': 'application/x-www-form-urlencoded', ...framing, ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  connection.write(`POST ${pathname} HTTP/1.1\r\n${lines}\r\n`);
  if (length === 'chunked') connection.write(`${sent.toString(16)}\r\n`);
  connection.write(SPACES.subarray(0, sent));
  return connection;
}
