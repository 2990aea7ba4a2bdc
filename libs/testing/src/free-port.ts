import { randomInt } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { ensureOwnFolder, findProcess } from '@sallyport/embedded-postgres';

/**
 * Below the range systems hand out to outgoing connections, so that none of those takes the port before its server
 * does.
 */
const FIRST = 15_000;
const LAST = 32_000;
const ATTEMPTS = 200;

/**
 * One file per port that some test holds, with that process's id: other tests leave it alone also before its server
 * listens.
 */
const CLAIMS = join(tmpdir(), `sallyport-test-ports-${userInfo().uid}`);

/**
 * A port nobody listens on now and no other test holds, until this process ends, for servers that cannot report the one
 * they chose. Prefer listening on 0 where possible.
 */
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
    if (claim(port) && (await isFree(port))) free.add(port);
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

const claimed: string[] = [];

/**
 * @returns whether the port is this caller's now. A claim of a process that is gone is removed, and the next one gets
 * it.
 */
export function claim(port: number): boolean {
  ensureOwnFolder(CLAIMS, 0o700);
  const file = join(CLAIMS, String(port));
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    if (claimed.length === 0) process.once('exit', () => claimed.forEach((one) => rmSync(one, { force: true })));
    claimed.push(file);
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  const holder = holderOf(file);
  if (holder !== 0 && findProcess(holder).state === 'gone') rmSync(file, { force: true });
  return false;
}

/** 0 while it is being written, which is somebody's. */
function holderOf(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0; // just given up
  }
}
