import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { repositoryRoot } from '@sallyport/testing';
import { z } from 'zod';

/** Folders in `apps/e2e/foreign`, each with its pins and its `run.sh`. */
export type AgentFolder = 'agents' | 'inspector';

const runOf = (folder: AgentFolder) => join(repositoryRoot, 'apps', 'e2e', 'foreign', folder, 'run.sh');
const PREPARE_MS = 8 * 60_000;
const AGENT_MS = 60_000;

/** What an agent of ours on somebody's SDK prints, one in a line. */
const Said = z.union([
  /** A person has to go there. */
  z.object({ authorize: z.url() }),
  z.object({ done: z.object({ tools: z.array(z.string()), text: z.string() }) }),
]);
export interface Seen {
  /** Names of the tools it lists. */
  readonly tools: readonly string[];
  /** What its call was answered with. */
  readonly text: string;
  /** How often somebody had to sign in. */
  readonly signIns: number;
}

/** Nothing of Sallyport's settings reaches a foreign program. */
function environment(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => /^(?:PATH|HOME|TMPDIR|LANG|npm_config_.*)$/.test(name));
  const cache = join(repositoryRoot, '.cache', 'foreign');
  return { ...Object.fromEntries(kept), FOREIGN_CACHE: cache, NODE: process.execPath, ...more };
}

function run(
  args: readonly string[],
  more: Readonly<Record<string, string>>,
  folder: AgentFolder = 'agents',
): ChildProcess {
  // A process group of its own: what it starts ends with it.
  const child = spawn('bash', [runOf(folder), ...args], {
    env: environment(more),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const endWithUs = () => endGroup(child);
  process.once('exit', endWithUs);
  child.once('close', () => process.removeListener('exit', endWithUs));
  return child;
}

function endGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, 'SIGKILL');
}

/** Runs to its end. @returns what it printed. @throws with the end of that when it fails or takes too long */
async function output(args: readonly string[], folder: AgentFolder, limitMs: number): Promise<string> {
  const child = run(args, {}, folder);
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (printed += text));
  const timer = setTimeout(() => endGroup(child), limitMs);
  const code = await new Promise<number | null>((settle) => child.once('close', settle));
  clearTimeout(timer);
  if (code !== 0) throw new Error(`${args.join(' ')}: exit ${code ?? 'by a signal'}\n${printed.slice(-3_000)}`);
  return printed;
}

/** Installs the agents in their pinned versions, once. */
export async function prepareAgents(): Promise<void> {
  for (const folder of ['agents', 'inspector'] as const) await output(['prepare'], folder, PREPARE_MS);
}

/**
 * An agent that connects, lets a person sign in, lists and calls.
 * @param signIn opens the address as a person does
 */
export async function runAgent(
  { folder, args }: { folder?: AgentFolder; args: readonly string[] },
  env: Readonly<Record<string, string>>,
  signIn: (url: string) => Promise<unknown>,
): Promise<Seen> {
  const child = run(['agent', ...args], env, folder);
  const timer = setTimeout(() => endGroup(child), AGENT_MS);
  let [failure, signIns] = ['', 0];
  let done: Omit<Seen, 'signIns'> | undefined;
  const problems: Promise<unknown>[] = [];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (failure = (failure + text).slice(-3_000)));
  const lines = createInterface({ input: child.stdout ?? process.stdin });
  lines.on('line', (line) => {
    const said = Said.safeParse(jsonIn(line)).data;
    if (said === undefined) failure = `${failure}${line}\n`.slice(-3_000);
    else if ('done' in said) done = said.done;
    else {
      signIns += 1;
      problems.push(signIn(said.authorize).catch((error: unknown) => (failure += String(error))));
    }
  });
  const code = await new Promise<number | null>((settle) => child.once('close', settle));
  clearTimeout(timer);
  await Promise.all(problems);
  if (done === undefined || code !== 0) throw new Error(`${args.join(' ')}: exit ${code ?? 'by a signal'}\n${failure}`);
  return { ...done, signIns };
}

/** One that runs until it is ended, such as a page's server. @returns how to end it */
export async function startProgram(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  ready: RegExp,
): Promise<() => Promise<void>> {
  const child = run(['agent', ...args], env);
  const closed = new Promise<void>((settle) => child.once('close', () => settle()));
  let printed = '';
  await new Promise<void>((settle, reject) => {
    const timer = setTimeout(() => reject(new Error(`${args.join(' ')} is not ready:\n${printed}`)), AGENT_MS);
    const hear = (text: string) => {
      printed += text;
      if (!ready.test(printed)) return;
      clearTimeout(timer);
      settle();
    };
    for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', hear);
    void closed.then(() => reject(new Error(`${args.join(' ')} ended:\n${printed}`)));
  });
  return async () => {
    endGroup(child);
    await closed;
  };
}

function jsonIn(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // an agent's own words
  }
}
