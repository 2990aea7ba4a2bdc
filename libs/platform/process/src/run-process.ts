import { translateListenError } from '@sallyport/http';
import { PRODUCT_VERSION, SallyportError } from '@sallyport/kernel';
import { scrubText, startTracing } from '@sallyport/telemetry';
import { Closers, type Close, type CloseFailure } from './closers.js';
import { emptyCoreDumps } from './empty-core-dumps.js';

export interface ProcessScope {
  /**
   * Runs `close` when the process ends, also when its start fails midway: the last registered first, one after the
   * other.
   */
  onClose(what: string, close: Close): void;
  /** Fires once when the process is asked to stop, before anything is closed. */
  readonly stopping: AbortSignal;
  /** Ends the process in order, as a signal would. */
  stop(exitCode?: number): void;
  /** A line on standard error, for whoever operates the process. */
  say(sentence: string): void;
}

export interface RunProcessOptions {
  /** Milliseconds each closer may take before the next one runs; 10 s by default. */
  readonly closeTimeoutMs?: number;
  /** Milliseconds for all of them; whoever comes after that has a second at most. 15 s by default. */
  readonly closeAllTimeoutMs?: number;
  /**
   * Milliseconds within which a second signal is the first one's echo: a wrapper passes on what its group got as well.
   * 500 by default.
   */
  readonly echoMs?: number;
  /** Replaced in tests. */
  readonly host?: ProcessHost;
}

/** The process as this file uses it. */
export interface ProcessHost {
  on(
    event: 'SIGINT' | 'SIGTERM' | 'SIGHUP' | 'uncaughtException' | 'unhandledRejection',
    listener: (reason: unknown) => void,
  ): unknown;
  exit(code: number): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream & { write(text: string): unknown };
}

interface OutputStream {
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

/**
 * The body of every `main.ts`. A failed start is one line on standard error and exit code 1 (the listening port is
 * named when it is taken); SIGINT, SIGTERM and SIGHUP close in reverse order of opening, a second signal that is no
 * echo of the first cuts it short.
 */
export async function runProcess(
  name: string,
  start: (scope: ProcessScope) => Promise<void>,
  { closeTimeoutMs = 10_000, closeAllTimeoutMs = 15_000, echoMs = 500, host = process }: RunProcessOptions = {},
): Promise<void> {
  const closers = new Closers();
  const stopping = new AbortController();
  const say = (text: string) => void host.stderr.write(`${name}: ${scrubText(text)}\n`);

  const shutDown = async (exitCode: number): Promise<void> => {
    stopping.abort();
    const deadline = performance.now() + closeAllTimeoutMs;
    const timeLeft = () => Math.max(LATE_CLOSE_MS, Math.round(deadline - performance.now()));
    const onFailure = ({ what, error }: CloseFailure) => say(`closing ${what}: ${messageOf(error)}`);
    await closers.closeAll(onFailure, (close) => within(Math.min(closeTimeoutMs, timeLeft()), close));
    host.exit(exitCode);
  };
  const stop = (exitCode = 0): void => {
    if (!stopping.signal.aborted) void shutDown(exitCode);
  };
  let signalledAt = Number.NEGATIVE_INFINITY;
  const onSignal = (): void => {
    if (!stopping.signal.aborted) {
      signalledAt = performance.now();
      stop();
    } else if (performance.now() - signalledAt >= echoMs) host.exit(130);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) host.on(signal, onSignal);
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    host.on(event, (reason) => {
      say(`unexpected failure: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`);
      stop(1);
    });
  }

  // Whoever read our output is gone: that is no reason to stop serving, and saying so would fail again without end.
  for (const stream of [host.stdout, host.stderr]) {
    stream.on('error', (error) => {
      if (error.code !== 'EPIPE') stop(1);
    });
  }

  const exposure = emptyCoreDumps();
  if (exposure !== undefined) say(exposure);
  try {
    // First, so that it is closed last: what others still do while they close is in a trace, too.
    const tracing = startTracing({ name, version: PRODUCT_VERSION, env: host.env, say });
    if (tracing !== undefined) closers.add('traces', await tracing);
    await start({ onClose: (what, close) => closers.add(what, close), stopping: stopping.signal, stop, say });
  } catch (error) {
    if (!isAbort(error) || !stopping.signal.aborted) say(startFailure(error));
    if (!stopping.signal.aborted) await shutDown(1);
  }
}

/** What a closer has when those before it took the time of all. */
const LATE_CLOSE_MS = 1_000;

/** What was under way when the process was asked to stop. */
const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError';

/** One line for operators about a start that failed. */
export function startFailure(error: unknown): string {
  const translated =
    error instanceof Error && 'port' in error && 'address' in error
      ? translateListenError(error, Number(error.port), String(error.address))
      : error;
  if (translated instanceof SallyportError) return translated.message;
  return `could not start: ${messageOf(translated)}`;
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** @throws what `close` throws, or that it takes longer */
async function within(milliseconds: number, close: Close): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not finished after ${milliseconds} ms`)), milliseconds);
  });
  try {
    await Promise.race([(async () => close())(), expired]);
  } finally {
    clearTimeout(timer);
  }
}
