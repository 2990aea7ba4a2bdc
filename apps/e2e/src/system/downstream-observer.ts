import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * Looks at the demo servers from inside the test's own process, where they run: which bearer tokens they were shown and
 * which tokens the notes service's own authorization server handed out. The other side of the gateway.
 */
export class DownstreamObserver {
  readonly #presented = new Map<number, Set<string>>();
  readonly #issued = new Set<string>();
  readonly #traceparents = new Map<number, Set<string>>();
  readonly #listen = (message: unknown): void => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    const port = request.socket.localPort;
    if (port === undefined) return;
    const { traceparent } = request.headers;
    if (typeof traceparent === 'string')
      this.#traceparents.set(port, (this.#traceparents.get(port) ?? new Set()).add(traceparent));
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (token !== undefined) this.#presented.set(port, (this.#presented.get(port) ?? new Set()).add(token));
    if (request.url?.endsWith('/token')) this.#readAnswer(response);
  };

  constructor() {
    subscribe('http.server.request.start', this.#listen);
  }

  /** Bearer tokens the server at this URL was shown so far. */
  presentedTo(url: string): string[] {
    return [...(this.#presented.get(Number(new URL(url).port)) ?? [])];
  }

  /** In which spans the server at this URL was asked, so far. */
  traceparentsAt(url: string): string[] {
    return [...(this.#traceparents.get(Number(new URL(url).port)) ?? [])];
  }

  /**
   * Access and refresh tokens issued by token endpoints in this process: the notes service's, and the demo identity
   * provider's.
   */
  issued(): string[] {
    return [...this.#issued];
  }

  close(): void {
    unsubscribe('http.server.request.start', this.#listen);
  }

  #readAnswer(response: ServerResponse): void {
    const end = response.end.bind(response) as (...rest: unknown[]) => ServerResponse;
    response.end = ((...rest: unknown[]) => {
      for (const [, token = ''] of String(rest[0]).matchAll(/"(?:access|refresh|id)_token":"([^"]{20,})"/g))
        this.#issued.add(token);
      return end(...rest);
    }) as typeof response.end;
  }
}
