import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { SallyportError } from '@sallyport/kernel';
import { readTestEnvironment, repositoryRoot } from './environment.js';
import { eventually } from './eventually.js';

export interface SpawnAppOptions {
  /** A built file, absolute or from the repository's root: `apps/gateway/dist/main.js`. */
  readonly entry: string;
  readonly args?: readonly string[];
  /** Of Node itself: `--cpu-prof`. */
  readonly nodeArgs?: readonly string[];
  /** The whole environment, PATH aside: nothing of the test's own leaks in. */
  readonly env?: Readonly<Record<string, string>>;
  /** Looked for in standard output and standard error. */
  readonly readyPattern?: RegExp;
  /** Milliseconds; 30 s by default. */
  readonly readyTimeoutMs?: number;
  readonly cwd?: string;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One process of ours, started as an operator would. */
export interface SpawnedApp {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** Both, in the order they came. */
  output(): string;
  readonly exited: Promise<Exit>;
  /** SIGTERM, and SIGKILL when it has not ended after `timeoutMs` (20 s by default). */
  stop(timeoutMs?: number): Promise<Exit>;
  /** `kill -9`. */
  kill(): Promise<Exit>;
}

/**
 * Rejects when the process ends, or stays silent past the time-out, before it is ready; its output is in the message.
 */
export async function spawnApp({
  entry,
  args = [],
  nodeArgs = [],
  env = {},
  readyPattern,
  readyTimeoutMs = 30_000,
  cwd = repositoryRoot,
}: SpawnAppOptions): Promise<SpawnedApp> {
  const child = spawn(process.execPath, [...nodeArgs, resolve(repositoryRoot, entry), ...args], {
    cwd,
    env: { PATH: readTestEnvironment().path, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    output += text;
  });
  let exit: Exit | undefined;
  const exited = new Promise<Exit>((settle) => {
    child.once('close', (code, signal) => {
      exit = { code, signal };
      settle(exit);
    });
    child.once('error', (error) => {
      output += String(error);
      exit = { code: null, signal: null };
      settle(exit);
    });
  });
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  void exited.then(() => process.removeListener('exit', killWithUs));

  const app: SpawnedApp = {
    pid: child.pid ?? -1,
    stdout: () => stdout,
    stderr: () => stderr,
    output: () => output,
    exited,
    async stop(timeoutMs = 20_000) {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
      const result = await exited;
      clearTimeout(timer);
      return result;
    },
    async kill() {
      child.kill('SIGKILL');
      return exited;
    },
  };
  if (readyPattern) {
    try {
      await eventually(() => exit !== undefined || readyPattern.test(output), {
        timeoutMs: readyTimeoutMs,
        until: `${entry} says ${readyPattern}`,
      });
    } catch (cause) {
      await app.kill();
      throw new SallyportError('test_process_failed', `${entry} was not ready after ${readyTimeoutMs} ms:\n${output}`, {
        cause,
      });
    }
    if (exit !== undefined && !readyPattern.test(output))
      throw new SallyportError(
        'test_process_failed',
        `${entry} ended with ${JSON.stringify(exit)} before it was ready:\n${output}`,
      );
  }
  return app;
}
