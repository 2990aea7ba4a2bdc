import type { CliEnvironment } from './config.js';

/** Where lines go: a terminal, a file or a pipe. */
export interface Sink {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Of a terminal, as it is now. */
  columns(): number | undefined;
}

/** Programs that are packed with the command line, each with arguments of its own. They end by an exit code. */
export interface LocalPrograms {
  start(): Promise<number>;
  demo(args: readonly string[]): Promise<number>;
}

/** Everything a command knows of the process it runs in. Tests give another. */
export interface World {
  readonly environment: CliEnvironment;
  /** Every variable, for secrets that a configuration names. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly directory: string;
  readonly home: string;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readStdin(): Promise<string>;
  /** Milliseconds since the epoch. */
  now(): number;
  readonly fetch: typeof globalThis.fetch;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly local?: LocalPrograms | undefined;
  /** Leaves Ctrl-C, and output that nobody reads, to a program that has ways of its own. */
  handOver(): void;
}
