import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the range systems hand out to outgoing connections, so that none of those takes the port before its server does. */
const FIRST = 15_000;
const LAST = 32_000;
const ATTEMPTS = 200;

/** A port nobody listens on now, for servers that cannot report the one they chose. Prefer listening on 0 where possible. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}

/** Several at once; all differ. */
export async function freePorts(count: number): Promise<number[]> {
  const free = new Set<number>();
  for (let attempt = 0; free.size < count; attempt++) {
    if (attempt > ATTEMPTS + count) throw new Error(`no ${count} free ports between ${FIRST} and ${LAST}`);
    const port = randomInt(FIRST, LAST);
    if (await isFree(port)) free.add(port);
  }
  return [...free];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
