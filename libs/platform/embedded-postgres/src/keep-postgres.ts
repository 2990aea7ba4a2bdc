import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres } from './start-postgres.js';
import type { EmbeddedPostgres, EmbeddedPostgresOptions } from './start-postgres.js';

export interface KeepPostgresOptions extends Omit<EmbeddedPostgresOptions, 'signal' | 'say'> {
  readonly say: (sentence: string) => void;
  /** Called once, when PostgreSQL will not be started again. The caller should end this process. */
  readonly onGivenUp: (sentence: string) => void;
  /** Starts in a row that may fail, or end too soon; 5 by default. */
  readonly attempts?: number;
  /** Milliseconds before the first restart, doubled with each; 500 by default. */
  readonly firstPauseMs?: number;
  /** Milliseconds after which a server counts as started for good; a minute by default. */
  readonly lastingMs?: number;
}

/** Runs the embedded PostgreSQL and starts it again when it ends by itself. Each time it says why in a sentence. */
export class KeptPostgres {
  readonly #options: KeepPostgresOptions;
  readonly #stopping = new AbortController();
  #server: EmbeddedPostgres | undefined;
  #working: Promise<unknown> = Promise.resolve();

  constructor(options: KeepPostgresOptions) {
    this.#options = options;
  }

  /** Starts PostgreSQL. @returns the URL, which stays the same @throws SallyportError as {@link startPostgres} does */
  async start(): Promise<string> {
    const server = this.#start();
    this.#working = server.catch(() => undefined);
    const { url } = await server;
    this.#working = this.#keep();
    return url;
  }

  /** Stops PostgreSQL within seconds, whether it runs, has ended, is starting or waits for a restart. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#server?.stop();
    await this.#working;
  }

  async #start(): Promise<EmbeddedPostgres> {
    this.#server = await startPostgres({ ...this.#options, signal: this.#stopping.signal });
    if (this.#stopping.signal.aborted) await this.#server.stop();
    return this.#server;
  }

  async #keep(): Promise<void> {
    const { say, onGivenUp, attempts = 5, firstPauseMs = 500, lastingMs = 60_000 } = this.#options;
    const { signal } = this.#stopping;
    for (let failed = 0; this.#server !== undefined;) {
      const began = performance.now();
      const how = await this.#server.ended;
      if (signal.aborted) return;
      if (performance.now() - began >= lastingMs) failed = 0;
      say(`The embedded PostgreSQL ended by itself (${how}): it is started again.`);
      this.#server = undefined;
      while (this.#server === undefined) {
        if (failed === attempts)
          return onGivenUp(`The embedded PostgreSQL does not stay up: given up after ${attempts} more starts.`);
        await sleep(firstPauseMs * 2 ** failed++, undefined, { signal }).catch(() => undefined);
        if (signal.aborted) return;
        await this.#start().catch((error: unknown) =>
          say(`The embedded PostgreSQL could not be started again: ${told(error)}`),
        );
        if (signal.aborted) return;
      }
      say('The embedded PostgreSQL is back.');
    }
  }
}

const told = (error: unknown): string => (error instanceof Error ? error.message : String(error));
