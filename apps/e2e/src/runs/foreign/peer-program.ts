import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { join } from 'node:path';
import { eventually, repositoryRoot } from '@sallyport/testing';

/** `run.sh` ends with this when its language is not on this machine, and says so in one sentence. */
const LANGUAGE_IS_MISSING = 78;
const PREPARE_MINUTES = 15;
const STARTED_SECONDS = 60;

const folders = {
  sources: join(repositoryRoot, 'apps', 'e2e', 'foreign'),
  cache: join(repositoryRoot, '.cache', 'foreign'),
};

/** Only what these programs need to find their tools and their packages; nothing of Sallyport's. */
const environment = (more: Readonly<Record<string, string>> = {}): Record<string, string> => {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(SALLYPORT|TEST|DATABASE|NATS|REDIS|NODE_OPTIONS)/.test(name),
  );
  return {
    ...Object.fromEntries(kept.map(([name, value]) => [name, value ?? ''])),
    FOREIGN_CACHE: folders.cache,
    ...more,
  };
};

const running = new Set<ChildProcess>();
process.once('exit', () => running.forEach(endGroup));

function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): { child: ChildProcess; output: () => string; ended: Promise<number | null> } {
  // A process group of its own: what it starts ends with it.
  const child = spawn('bash', [join(folders.sources, program, 'run.sh'), ...args], {
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-20_000)));
  running.add(child);
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', (code) => {
      running.delete(child);
      resolve(code);
    });
  });
  return { child, output: () => output, ended };
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error; // else all of it has ended
  }
}

export type Preparation =
  | { readonly type: 'ready'; readonly seconds: number }
  | { readonly type: 'missing' | 'failed'; readonly reason: string };

/** Fetches and builds what a program needs, in its pinned versions, into `.cache/foreign`: once. */
export async function prepareProgram(program: string): Promise<Preparation> {
  const began = performance.now();
  const { child, output, ended } = run(program, ['prepare']);
  const timer = setTimeout(() => endGroup(child), PREPARE_MINUTES * 60_000);
  const code = await ended;
  clearTimeout(timer);
  if (code === 0) return { type: 'ready', seconds: (performance.now() - began) / 1000 };
  if (code === LANGUAGE_IS_MISSING) return { type: 'missing', reason: output().trim() };
  return {
    type: 'failed',
    reason: `${code === null ? `not prepared after ${PREPARE_MINUTES} minutes` : `exit ${code}`}\n${output()}`,
  };
}

/** Runs a program that ends by itself. */
export async function runProgram(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const { output, ended } = run(program, args, env);
  return { code: await ended, output: output() };
}

/** One server of a program at one port, which can be killed and started there again. */
export class PeerServer {
  readonly url: string;
  readonly #program: string;
  readonly #mode: string;
  readonly #port: number;
  readonly #env: Readonly<Record<string, string>>;
  #running: ReturnType<typeof run> | undefined;

  constructor({
    program,
    mode,
    port,
    env,
  }: {
    program: string;
    mode: string;
    port: number;
    env: Readonly<Record<string, string>>;
  }) {
    this.#program = program;
    this.#mode = mode;
    this.#port = port;
    this.#env = env;
    this.url = `http://127.0.0.1:${port}/mcp`;
  }

  /** @returns when it takes connections */
  async start(): Promise<void> {
    const started = run(this.#program, ['serve', this.#mode], { ...this.#env, PORT: String(this.#port) });
    this.#running = started;
    let exit: number | null | undefined;
    void started.ended.then((code) => (exit = code));
    const isUp = async () => exit !== undefined || (await takesConnections(this.#port));
    await eventually(isUp, { timeoutMs: STARTED_SECONDS * 1000, until: 'it listens' }).catch(() =>
      endGroup(started.child),
    );
    if (exit !== undefined || !(await takesConnections(this.#port)))
      throw new Error(`${this.#program} ${this.#mode} did not start:\n${started.output()}`);
  }

  /** As a crash. */
  async kill(): Promise<void> {
    if (this.#running === undefined) return;
    endGroup(this.#running.child);
    await this.#running.ended;
    this.#running = undefined;
  }

  output(): string {
    return this.#running?.output() ?? '';
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket
      .once('connect', () => resolve(true))
      .once('error', () => resolve(false))
      .once('close', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
