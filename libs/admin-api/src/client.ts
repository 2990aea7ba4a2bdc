import type { z } from 'zod';
import { ask, parseJson, pathOf, proofOf, unanswered, type AskOptions, type Parts } from './ask.js';
import { AdminApiError, Problem } from './problem.js';
import type { Route, SuccessStatus } from './route.js';
import { routes, type Answered, type Called, type RouteName } from './routes.js';

export interface AdminClientOptions extends AskOptions {
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

async function send(
  options: AdminClientOptions,
  route: Route,
  path: string,
  { body }: Parts,
  { ifMatch, ifAbsent, idempotencyKey, signal, timeoutMs }: CallOptions,
): Promise<{ response: Response; text: string }> {
  const proof = await proofOf(options);
  const timeout = AbortSignal.timeout(timeoutMs ?? options.timeoutMs ?? TIMEOUT_MS);
  const headers = {
    accept: 'application/json',
    'if-match': ifMatch,
    'if-none-match': ifAbsent === true ? '*' : undefined,
    'idempotency-key': idempotencyKey,
  };
  try {
    const response = await ask(options, route, {
      path,
      proof,
      body,
      headers,
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    return { response, text: await response.text() };
  } catch (error) {
    throw unanswered(options.url, error, signal);
  }
}

/** Whether all that is wrong with an answer are words that this client does not know yet. */
const isOnlyNewer = (error: z.ZodError): boolean => error.issues.every(({ code }) => code === 'invalid_value');
