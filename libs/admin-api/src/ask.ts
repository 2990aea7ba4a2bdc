import type { Secret } from '@sallyport/kernel';
import type { Route } from './route.js';
import { AdminApiUnreachable, unreachableReasonOf } from './unreachable.js';

export interface AskOptions {
  /** Where the control plane is reached, e.g. `http://127.0.0.1:7402`. */
  readonly url: string;
  /** What proves who asks; a function is asked before each call, for tokens that are refreshed. */
  readonly token: Secret | (() => Promise<Secret>);
  readonly fetch?: typeof globalThis.fetch;
}

/** What a caller gives of a request, before it is written down. */
export interface Parts {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
}

/** Of one request: where it goes, what proves who asks, what it says, and what ends it. */
export interface Asking {
  readonly proof: Secret;
  readonly path: string;
  readonly body?: unknown;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** The address of a route with its parameters and its query. */
export function pathOf(route: Route, { params = {}, query = {} }: Parts): string {
  const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const asked = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return asked.length > 0 ? `${path}?${new URLSearchParams(asked).toString()}` : path;
}

/** What proves who asks. @throws what getting it threw: that is not the API's silence */
export const proofOf = async ({ token }: AskOptions): Promise<Secret> =>
  typeof token === 'function' ? token() : token;

/** Sends a request. @throws what `fetch` throws */
export async function ask(
  { url, fetch = globalThis.fetch }: AskOptions,
  { method }: Route,
  { path, proof, body, headers, signal }: Asking,
): Promise<Response> {
  const said = Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${proof.reveal()}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...Object.fromEntries(said),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
    redirect: 'error', // what proves who asks goes to this address alone
    signal,
  });
}

/** What a request ended with that had no answer: the caller's own wish is passed on as it is. */
export function unanswered(url: string, error: unknown, signal: AbortSignal | undefined): unknown {
  return signal?.aborted === true ? error : new AdminApiUnreachable(url, unreachableReasonOf(error), error);
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
