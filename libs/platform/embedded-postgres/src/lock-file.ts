import { existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SallyportError } from '@sallyport/kernel';
import { findProcess, isStill } from './find-process.js';
import type { FoundProcess } from './find-process.js';

/** The lock file has the start in whole seconds, a moment after the system's own, and clocks may be set in between. */
const TOLERANCE_MS = 10_000;
const STOP_MS = 30_000;

/**
 * Stops the server that a killed process of ours left on this cluster, if any. The server's lock file outlives a crash,
 * and then another process may have the id in it. So only a process that proves to be this cluster's server gets a
 * signal.
 * @param directory the real path of the cluster, with which the server was started
 * @param uid the user the server runs as
 * @param say called with a sentence when the lock file names another process and is removed
 * @throws SallyportError `postgres_still_running`
 */
export async function endLeftOver(
  directory: string,
  uid: number | undefined,
  say: (sentence: string) => void,
): Promise<void> {
  const file = join(directory, 'postmaster.pid');
  if (!existsSync(file)) return;
  const [pid = 0, , startedAt = 0] = readFileSync(file, 'utf8').split('\n').map(Number);
  const lookup = findProcess(pid);
  if (lookup.state === 'gone') return; // PostgreSQL clears that up by itself
  if (lookup.state === 'hidden') {
    const problem =
      `${file} names process ${pid}, and this system does not say what that is: ` +
      'stop it if it is PostgreSQL, else remove that file.';
    throw new SallyportError('postgres_still_running', problem);
  }
  if (isServerOf(directory, startedAt * 1_000, uid, lookup.process)) return stopServer(lookup.process);
  // If any process of an earlier server still uses the cluster, PostgreSQL finds its shared memory and refuses to
  // start.
  say(
    `${file} was left by a crash: its process ${pid} is another program now. That one is left alone, the file removed.`,
  );
  rmSync(file, { force: true });
}

/** Whether a process is this cluster's server, by its user, its start and its arguments. */
export function isServerOf(
  directory: string,
  startedAtMs: number,
  uid: number | undefined,
  found: FoundProcess,
): boolean {
  const [program = ''] = found.command.split(' -D ', 1);
  return (
    (uid === undefined || found.uid === uid) &&
    Math.abs(found.startedAtMs - startedAtMs) <= TOLERANCE_MS &&
    basename(program) === 'postgres' &&
    found.command.startsWith(`${program} -D ${directory} -p `)
  );
}

/** SIGINT is PostgreSQL's "fast" shutdown. */
async function stopServer(server: FoundProcess): Promise<void> {
  if (isStill(server)) process.kill(server.pid, 'SIGINT');
  for (const deadline = Date.now() + STOP_MS; isStill(server); await sleep(20)) {
    if (Date.now() < deadline) continue;
    const problem =
      `The PostgreSQL that an earlier start left (process ${server.pid}) does not stop: ` +
      'stop it yourself, then start again.';
    throw new SallyportError('postgres_still_running', problem);
  }
}
