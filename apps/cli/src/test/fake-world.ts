import { readConfig } from '../config.js';
import { runCli } from '../run-cli.js';
import type { LocalPrograms, Sink, World } from '../world.js';

/** A process that is none: what it prints is kept, and nothing it is not given is there. */
export function fakeWorld(
  given: {
    readonly variables?: Readonly<Record<string, string>>;
    readonly directory?: string;
    readonly home?: string;
    readonly stdin?: string;
    readonly fetch?: typeof globalThis.fetch;
    readonly now?: number;
    readonly local?: LocalPrograms;
  } = {},
): World & { readonly printed: { readonly stdout: string; readonly stderr: string } } {
  const printed = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr'): Sink => ({
    write: (text) => {
      printed[name] += text;
    },
    isTerminal: false,
    columns: () => undefined,
  });
  return {
    environment: readConfig(given.variables ?? {}),
    variables: given.variables ?? {},
    directory: given.directory ?? '/nowhere',
    home: given.home ?? '/nowhere',
    stdout: sink('stdout'),
    stderr: sink('stderr'),
    readStdin: () => Promise.resolve(given.stdin ?? ''),
    now: () => given.now ?? Date.parse('2026-11-30T12:00:00Z'),
    fetch: given.fetch ?? (() => Promise.reject(new TypeError('fetch failed'))),
    signal: new AbortController().signal,
    local: given.local,
    handOver() {
      printed.stderr += '(handed over)';
    },
    printed,
  };
}

/** Runs a command line in it, and tells how it ended and what it printed. */
export async function runIn(world: ReturnType<typeof fakeWorld>, ...argv: string[]) {
  const exitCode = await runCli(argv, world);
  return { exitCode, ...world.printed };
}
