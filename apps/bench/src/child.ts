import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { SallyportError } from '@sallyport/kernel';

export interface Child {
  /** The first line it printed. */
  readonly announcement: string;
  stop(): Promise<void>;
}

const program = fileURLToPath(new URL('main.js', import.meta.url));

/** Starts another role of this program as its own process and waits for its first line. */
export async function startRole(role: string, argument: string): Promise<Child> {
  const child = spawn(process.execPath, [program, role, argument], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  const [announcement] = (await Promise.race([once(lines, 'line'), endedEarly(child, role)])) as [string];
  lines.on('line', () => undefined);
  return { announcement, stop: () => stop(child) };
}

/** Runs a role to its end. @returns everything it printed */
export async function runRole(role: string, argument: string): Promise<string> {
  const child = spawn(process.execPath, [program, role, argument], { stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new SallyportError('bench_child_failed', `${role} ended with exit code ${code}.`);
  return Buffer.concat(chunks).toString('utf8');
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

async function endedEarly(child: ChildProcess, role: string): Promise<never> {
  const [code] = (await once(child, 'exit')) as [number | null];
  throw new SallyportError('bench_child_failed', `${role} ended with exit code ${code} before it was ready.`);
}
