import type { Secret } from '@sallyport/kernel';
import type { z } from 'zod';
import { AdminApiError, Problem } from './problem.js';
import type { Route, SuccessStatus } from './route.js';
import { routes, type Answered, type Called, type RouteName } from './routes.js';
import { AdminApiUnreachable, unreachableReasonOf } from './unreachable.js';

export interface AdminClientOptions {
  /** Where the control plane is reached, e.g. `http://127.0.0.1:7402`. */
  readonly url: string;
  /** What proves who asks; a function is asked before each call, for tokens that are refreshed. */
  readonly token: Secret | (() => Promise<Secret>);
  readonly fetch?: typeof globalThis.fetch;
  /** How long one call may take, its answer included; 30 s unless said. */
  readonly timeoutMs?: number;
  /**
   * `declared`, unless said: what the schema of the route keeps. `loose`: all that the control plane says, for a client
   * that may be older than it. Members and words that a newer one adds are kept.
   */
  readonly answers?: 'declared' | 'loose';
}

/** What a call may say besides its parts, and hear besides its answer. */
export interface CallOptions {
  /** `If-Match`: the entity tag that what is written must still have (RFC 9110 section 13.1.1). */
  readonly ifMatch?: string;
  /** Whether there must be none yet: `If-None-Match: *`. */
  readonly ifAbsent?: boolean;
  /** `Idempotency-Key`: a repetition under the same key is answered as the first was. */
  readonly idempotencyKey?: string;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
  /** Hears the headers of the answer: `ETag`, `Sallyport-Revision`. */
  readonly onHeaders?: (headers: Headers) => void;
}

/** One method a route, by its name: `client.listEvents({ query: { limit: '20' } })`. */
export type AdminClient = {
  readonly [Name in RouteName]: (
    ...call: Record<string, never> extends Called<Name>
      ? [call?: Called<Name>, options?: CallOptions]
      : [call: Called<Name>, options?: CallOptions]
  ) => Promise<Answered<Name>>;
};

interface Parts {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
}

const TIMEOUT_MS = 30_000;

/**
 * Calls the API. Each method resolves with what its route answers, and rejects with an `AdminApiError` for any other
 * answer and with an `AdminApiUnreachable` when none came.
 */
export function createAdminClient(options: AdminClientOptions): AdminClient {
  const call = async (route: Route, parts: Parts = {}, asked: CallOptions = {}): Promise<unknown> => {
    const path = pathOf(route, parts);
    const { response, text } = await send(options, route, path, parts, asked);
    asked.onHeaders?.(response.headers);
    const what = `${route.method} ${path.split('?')[0]}`;
    const schema = route.answers[response.status as SuccessStatus];
    if (schema === undefined) throw new AdminApiError(what, response.status, Problem.safeParse(parseJson(text)).data);
    const said = parseJson(text);
    const answer = schema.safeParse(said);
    if (options.answers === 'loose' && (answer.success || isOnlyNewer(answer.error))) return said;
    if (!answer.success) throw new AdminApiError(`${what} (${answer.error.message})`, response.status);
    return answer.data;
  };
  const methods = Object.entries(routes).map(([name, route]) => [
    name,
    (parts?: Parts, asked?: CallOptions) => call(route, parts, asked),
  ]);
  return Object.fromEntries(methods) as AdminClient;
}

function pathOf(route: Route, { params = {}, query = {} }: Parts): string {
  const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const asked = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return asked.length > 0 ? `${path}?${new URLSearchParams(asked).toString()}` : path;
}

async function send(
  { url, token, fetch = globalThis.fetch, timeoutMs = TIMEOUT_MS }: AdminClientOptions,
  { method }: Route,
  path: string,
  { body }: Parts,
  { ifMatch, ifAbsent, idempotencyKey, signal, ...asked }: CallOptions,
): Promise<{ response: Response; text: string }> {
  const proof = typeof token === 'function' ? await token() : token;
  const timeout = AbortSignal.timeout(asked.timeoutMs ?? timeoutMs);
  try {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${proof.reveal()}`,
        accept: 'application/json',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...(ifMatch !== undefined && { 'if-match': ifMatch }),
        ...(ifAbsent === true && { 'if-none-match': '*' }),
        ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      redirect: 'error', // what proves who asks goes to this address alone
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    return { response, text: await response.text() };
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new AdminApiUnreachable(url, unreachableReasonOf(error), error);
  }
}

/** Whether all that is wrong with an answer are words that this client does not know yet. */
const isOnlyNewer = (error: z.ZodError): boolean => error.issues.every(({ code }) => code === 'invalid_value');

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
