import type { ServerResponse } from 'node:http';
import { SallyportError, type Clock } from '@sallyport/kernel';
import type { Logger } from '@sallyport/telemetry';
import { problemBody, RETRY_AFTER_SECONDS } from './problem-body.js';

const BETWEEN_LOG_LINES_MS = 60_000;

export interface UnavailableOptions {
  /** Whether an error means that the database or the directory is away. */
  readonly isStoreOutage: (error: unknown) => boolean;
  /** The page for a browser at this path; undefined where only programs ask. */
  readonly page?: (path: string) => { readonly html: string; readonly contentSecurityPolicy: string } | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * Answers requests that fail because a dependency of this process is away: a database, the bus, the configuration. The
 * answer is 503 `temporarily_unavailable` with `Retry-After` (RFC 9110 section 10.2.3). The log has one line a minute.
 */
export class Unavailable {
  readonly #options: UnavailableOptions;
  #loggedAt = -Infinity;

  constructor(options: UnavailableOptions) {
    this.#options = options;
  }

  /** Whether a dependency is away: the store, the bus or the configuration. Any other error is a failure of ours. */
  is(error: unknown): boolean {
    return (error instanceof SallyportError && error.isOutage) || this.#options.isStoreOutage(error);
  }

  /** The answer to a request. Its headers replace those a successful answer would have. @param path of the request */
  answer(error: unknown, path: string): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
    this.#log(error);
    const page = this.#options.page?.(path);
    const { type, body } = problemBody(
      503,
      'Something this service depends on is away just now. Nothing is wrong with the request: try again shortly.',
    );
    return {
      headers: {
        'retry-after': String(RETRY_AFTER_SECONDS),
        'cache-control': 'no-store',
        'content-type': page ? 'text/html; charset=utf-8' : type,
        ...(page && { 'content-security-policy': page.contentSecurityPolicy }),
      },
      body: page?.html ?? body,
    };
  }

  /** Writes the answer where no framework does. */
  write(response: ServerResponse, error: unknown, path: string): void {
    const { headers, body } = this.answer(error, path);
    if (!response.headersSent) response.writeHead(503, { ...headers });
    response.end(body);
  }

  #log(error: unknown): void {
    const now = this.#options.clock();
    if (now - this.#loggedAt < BETWEEN_LOG_LINES_MS) return;
    this.#loggedAt = now;
    this.#options.logger.warn({ err: error }, 'requests get 503: a dependency of this process is away');
  }
}
