import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '@sallyport/testing';

/** How a command line ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandLineOptions {
  /** Besides `PATH` and `HOME`: nothing of the test's own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: string;
  /** Sees all of stdout whenever there is more, and may end the process. */
  readonly watch?: (stdout: string, kill: (signal: NodeJS.Signals) => void) => void;
  /** Sees all of stderr whenever there is more. */
  readonly watchErrors?: (stderr: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** The built program, as `npm run cli` starts it. */
export const sallyport = (args: readonly string[], options: CommandLineOptions = {}): Promise<Ended> =>
  runProgram(process.execPath, [join(repositoryRoot, 'apps/cli/dist/main.js'), ...args], options);

/** The npm that runs the tests, on the Node it runs on. */
export function npm(args: readonly string[], options: CommandLineOptions): Promise<Ended> {
  const { npm_execpath: cli, npm_node_execpath: node } = process.env;
  return cli === undefined || node === undefined
    ? runProgram('npm', args, options)
    : runProgram(node, [cli, ...args], options);
}

export async function runProgram(
  program: string,
  args: readonly string[],
  { env = {}, cwd, stdin, watch, watchErrors }: CommandLineOptions = {},
): Promise<Ended> {
  const child = spawn(program, args, {
    cwd,
    env: { PATH: process.env['PATH'], HOME: '/nonexistent', ...env },
    stdio: 'pipe',
  });
  const printed = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    printed.stdout += text;
    watch?.(printed.stdout, (signal) => child.kill(signal));
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    printed.stderr += text;
    watchErrors?.(printed.stderr, (signal) => child.kill(signal));
  });
  child.stdin.on('error', () => {}); // a program that reads nothing closes it
  child.stdin.end(stdin ?? '');
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => resolve({ exitCode, signal, ...printed }));
  });
}

/** The lines of `--json`, the version left out. */
export const recordsOf = (stdout: string): { type: string; value: Record<string, unknown> }[] =>
  stdout
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => JSON.parse(line) as { type: string; value: Record<string, unknown> });
