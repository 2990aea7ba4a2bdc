import { ask, parseJson, pathOf, proofOf, unanswered, type AskOptions } from './ask.js';
import { AdminApiError, Problem } from './problem.js';
import type { Route } from './route.js';
import { routes, type Called, type RouteName } from './routes.js';

/** Routes that answer with a stream, or may. */
export type StreamedName = {
  [Name in RouteName]: (typeof routes)[Name] extends { readonly streams: object } ? Name : never;
}[RouteName];

export interface StreamOptions {
  /** The media type that is asked for. */
  readonly accept: string;
  /** `Last-Event-ID`: the sequence of the last event that is known. */
  readonly lastEventId?: string | undefined;
  /** Ends it, while it is read, too. */
  readonly signal: AbortSignal;
  /** How long the answer may take to begin; 30 s unless said. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;

/**
 * Opens what a route streams.
 * @returns its bytes, as fast as they are read
 * @throws AdminApiError for any other answer, AdminApiUnreachable when none came
 */
export async function openAdminStream<Name extends StreamedName>(
  options: AskOptions,
  name: Name,
  call: Called<Name>,
  { accept, lastEventId, signal, timeoutMs = TIMEOUT_MS }: StreamOptions,
): Promise<ReadableStream<Uint8Array>> {
  const route: Route = routes[name];
  const path = pathOf(route, call);
  const proof = await proofOf(options);
  const beginning = new AbortController();
  const timer = setTimeout(() => beginning.abort(new DOMException('no answer in time', 'TimeoutError')), timeoutMs);
  try {
    const response = await ask(options, route, {
      path,
      proof,
      headers: { accept, 'last-event-id': lastEventId },
      signal: AbortSignal.any([signal, beginning.signal]),
    });
    const type = response.headers.get('content-type')?.split(';')[0];
    if (response.status === 200 && type === accept && response.body !== null) return response.body;
    const what = `${route.method} ${path.split('?')[0]}`;
    throw new AdminApiError(what, response.status, Problem.safeParse(parseJson(await response.text())).data);
  } catch (error) {
    throw error instanceof AdminApiError ? error : unanswered(options.url, error, signal);
  } finally {
    clearTimeout(timer);
  }
}
