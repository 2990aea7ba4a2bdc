import type { Secret } from '@sallyport/kernel';
import { AdminApiError, Problem } from './problem.js';
import type { Route, SuccessStatus } from './route.js';
import { routes, type Answered, type Called, type RouteName } from './routes.js';

export interface AdminClientOptions {
  /** Where the control plane is reached, e.g. `http://127.0.0.1:7402`. */
  readonly url: string;
  readonly token: Secret;
  readonly fetch?: typeof globalThis.fetch;
}

/** One method a route, by its name: `client.listEvents({ query: { limit: '20' } })`. */
export type AdminClient = {
  readonly [Name in RouteName]: (
    ...call: Record<string, never> extends Called<Name> ? [call?: Called<Name>] : [call: Called<Name>]
  ) => Promise<Answered<Name>>;
};

interface Parts {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
}

/**
 * Calls the API. Each method resolves with what its route answers, parsed, and rejects with an `AdminApiError` for any
 * other answer. Members that a newer control plane adds are left out.
 */
export function createAdminClient({ url, token, fetch = globalThis.fetch }: AdminClientOptions): AdminClient {
  const call = async (route: Route, { params = {}, query = {}, body }: Parts = {}): Promise<unknown> => {
    const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
    const asked = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const response = await fetch(
      `${url}${path}${asked.length > 0 ? `?${new URLSearchParams(asked).toString()}` : ''}`,
      {
        method: route.method,
        headers: {
          authorization: `Bearer ${token.reveal()}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      },
    );
    const text = await response.text();
    const what = `${route.method} ${path}`;
    const schema = route.answers[response.status as SuccessStatus];
    if (schema === undefined) throw new AdminApiError(what, response.status, Problem.safeParse(parseJson(text)).data);
    const answer = schema.safeParse(parseJson(text));
    if (!answer.success) throw new AdminApiError(`${what} (${answer.error.message})`, response.status);
    return answer.data;
  };
  const methods = Object.entries(routes).map(([name, route]) => [name, (parts?: Parts) => call(route, parts)]);
  return Object.fromEntries(methods) as AdminClient;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
