import { spawn } from 'node:child_process';
import { SallyportError } from '@sallyport/kernel';
import { eventually } from './eventually.js';
import type { Binary } from './debian-binaries.js';
import { freePort } from './free-port.js';
import { noteServer } from './scratch.js';

export interface PrivateServer {
  readonly pid: number;
  /** What it wrote to standard output and standard error. */
  output(): string;
  /** Ends it like a crash. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server binary of a test run and waits until it says, or shows, that it is ready. It ends with this process. */
export async function startPrivateServer(
  binary: Binary,
  args: readonly string[],
  { ready, scratch }: { ready: RegExp | (() => Promise<boolean>); scratch: string },
): Promise<PrivateServer> {
  const child = spawn(binary.path, [...args], {
    cwd: scratch,
    env: { ...binary.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (log += text));
  let gone = false;
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      gone = true;
      resolve();
    });
    child.once('error', () => {
      gone = true;
      resolve();
    });
  });
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
    process.removeListener('exit', killWithUs);
    if (!gone) child.kill(signal);
    await exited;
  };
  if (child.pid !== undefined) noteServer(scratch, child.pid);
  try {
    await eventually(async () => gone || (ready instanceof RegExp ? ready.test(log) : await ready()), {
      timeoutMs: 15_000,
      intervalMs: 5,
      until: `${binary.path} is ready`,
    });
  } catch (error) {
    await end('SIGKILL');
    throw new SallyportError(
      'test_server_failed',
      `${binary.path} did not start: ${log.trim().split('\n').at(-1) ?? ''}`,
      { cause: error },
    );
  }
  if (gone || child.pid === undefined)
    throw new SallyportError(
      'test_server_failed',
      `${binary.path} did not start: ${log.trim().split('\n').slice(-3).join(' | ')}`,
    );
  return { pid: child.pid, output: () => log, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}

/** Tries `start` on another free port when somebody else was faster on the first. */
export async function onFreePort<T>(start: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start(await freePort());
    } catch (error) {
      if (attempt === 5 || !(error instanceof SallyportError) || !/already in use|is taken/i.test(error.message))
        throw error;
    }
  }
}
