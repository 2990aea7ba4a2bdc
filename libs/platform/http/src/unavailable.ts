import type { ServerResponse } from 'node:http';
import { SallyportError, type Clock } from '@sallyport/kernel';
import type { Logger } from '@sallyport/telemetry';
import { problemBody, RETRY_AFTER_SECONDS } from './problem.js';

const BETWEEN_LINES_MS = 60_000;
/** Of our own errors: what a process stands on is away, or has not arrived yet. */
const CODES: ReadonlySet<string> = new Set([
  'configuration_not_ready',
  'configuration_stale',
  'messaging_closed',
  'messaging_no_responder',
  'messaging_timeout',
  'messaging_unavailable',
  'messaging_unreachable',
]);

export interface UnavailableOptions {
  /** Whether what was thrown says that the store was away. */
  readonly isStoreOutage: (error: unknown) => boolean;
  /** What a person reads in a browser at this path; undefined where only programs ask. */
  readonly page?: (path: string) => { readonly html: string; readonly contentSecurityPolicy: string } | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
}

/**
 * What cannot be done because something that this process stands on is away: nobody's fault, told as that (503
 * `temporarily_unavailable` with `Retry-After`), and to the log once a minute rather than once a request.
 */
export class Unavailable {
  readonly #options: UnavailableOptions;
  #toldAt = -Infinity;

  constructor(options: UnavailableOptions) {
    this.#options = options;
  }

  /** By type and code; anything else is a failure of ours. */
  is(error: unknown): boolean {
    return (error instanceof SallyportError && CODES.has(error.code)) || this.#options.isStoreOutage(error);
  }

  /** @param path of the request; its answer may have headers already, and loses those of a good one */
  answer(error: unknown, path: string): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
    this.#tell(error);
    const page = this.#options.page?.(path);
    const { type, body } = problemBody(
      503,
      'Something that this server stands on is away just now. Nothing is wrong with the request: try again in a moment.',
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

  /** Where no framework writes the answer. */
  write(response: ServerResponse, error: unknown, path: string): void {
    const { headers, body } = this.answer(error, path);
    if (!response.headersSent) response.writeHead(503, { ...headers });
    response.end(body);
  }

  #tell(error: unknown): void {
    const now = this.#options.clock();
    if (now - this.#toldAt < BETWEEN_LINES_MS) return;
    this.#toldAt = now;
    this.#options.logger.warn(
      { err: error },
      'requests are asked to come back: something this process stands on is away',
    );
  }
}
