import { STATUS_CODES } from 'node:http';
import { Catch, HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { Logger } from '@sallyport/telemetry';
import type { FastifyReply } from 'fastify';
import { ZodError } from 'zod';
import { BodyRefused } from './body-refused.js';
import type { Unavailable } from './unavailable.js';

/** After which whoever was asked to come back may do so (RFC 9110 section 10.2.3). */
export const RETRY_AFTER_SECONDS = 5;
export const PROBLEM = 'application/problem+json; charset=utf-8';

/** RFC 9457. Nothing else about an error leaves the process. */
export interface Problem {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

/** The public face of whatever was thrown; the internals of a failure of ours are not in it. */
export function toProblem(error: unknown): Problem {
  if (error instanceof ZodError) {
    return {
      ...problem(400),
      errors: error.issues.map((issue) => ({ path: issue.path.map(String).join('.'), message: issue.message })),
    };
  }
  if (error instanceof HttpException) {
    const detail = deliberateDetail(error);
    return detail === undefined ? problem(error.getStatus()) : { ...problem(error.getStatus()), detail };
  }
  if (error instanceof BodyRefused) return { ...problem(error.words.status), detail: error.words.detail };
  const status = clientErrorStatus(error);
  return problem(status ?? 500);
}

function problem(status: number): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status };
}

/** What a listener refuses before anything knows which endpoint it is for. */
const BEFORE_ENDPOINTS: Readonly<Record<number, { readonly error: string; readonly detail: string }>> = {
  400: { error: 'invalid_request', detail: 'What arrived is not a request as HTTP/1.1 writes it (RFC 9112).' },
  408: { error: 'invalid_request', detail: 'The request did not arrive in time.' },
  429: {
    error: 'temporarily_unavailable',
    detail: 'Too much at once from one place: finish or close some of it, and try again.',
  },
  431: { error: 'invalid_request', detail: 'The header section is longer than this server reads.' },
  503: { error: 'temporarily_unavailable', detail: 'This server holds as many connections as it can: try again.' },
};
export const NOT_A_TARGET =
  'The request target holds a byte that may not be in one: percent-encode what is not ASCII (RFC 9112 section 3.2).';

/** For answers that no framework writes: a problem (RFC 9457) and an OAuth error (RFC 6749 section 5.2) at once. */
export function problemBody(
  status: number,
  detail = BEFORE_ENDPOINTS[status]?.detail,
): { readonly type: string; readonly body: string } {
  const error = BEFORE_ENDPOINTS[status]?.error;
  const words = detail === undefined || error === undefined ? {} : { detail, error, error_description: detail };
  return { type: PROBLEM, body: JSON.stringify({ ...problem(status), ...words }) };
}

/** Only a text that the thrower chose: Nest's own default ("Cannot GET /…") repeats the request. */
function deliberateDetail(error: HttpException): string | undefined {
  if (error.getStatus() >= 500 && error.getStatus() !== 503) return undefined;
  const { message } = error;
  return message === STATUS_CODES[error.getStatus()] || message.endsWith('Exception') || message.startsWith('Cannot ')
    ? undefined
    : message;
}

/** Fastify's own refusals: body too large, not JSON, unsupported media type. */
function clientErrorStatus(error: unknown): number | undefined {
  if (
    !(error instanceof Error) ||
    !('statusCode' in error) ||
    !('code' in error) ||
    typeof error.code !== 'string' ||
    !error.code.startsWith('FST_')
  )
    return undefined;
  const status = Number(error.statusCode);
  return status >= 400 && status < 500 ? status : undefined;
}

/** The one translator from thrown to HTTP: problem documents outside, the whole error in the log when it is ours. */
export class ProblemFilter implements ExceptionFilter {
  readonly #logger: Logger;
  readonly #unavailable: Unavailable | undefined;

  constructor(logger: Logger, unavailable?: Unavailable) {
    this.#logger = logger;
    this.#unavailable = unavailable;
  }

  catch(error: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw error;
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (this.#unavailable?.is(error)) {
      const { headers, body } = this.#unavailable.answer(error, reply.request.url.split('?', 1)[0] ?? '');
      if (!reply.sent && !reply.raw.headersSent)
        void reply
          .status(503)
          .headers({ ...headers })
          .send(body);
      return;
    }
    const answer = toProblem(error);
    if (error instanceof BodyRefused) {
      reply.raw.shouldKeepAlive = false;
      if (error.words.retryAfterSeconds !== undefined)
        void reply.header('retry-after', String(error.words.retryAfterSeconds));
    } else if (answer.status === 503) {
      void reply.header('retry-after', String(RETRY_AFTER_SECONDS)).header('cache-control', 'no-store');
      this.#logger.warn({ err: error, route: reply.request.routeOptions.url }, 'a request is asked to come back');
    } else if (answer.status >= 500)
      this.#logger.error(
        { err: error instanceof Error ? error : new Error(String(error)), route: reply.request.routeOptions.url },
        'request failed',
      );
    if (reply.sent || reply.raw.headersSent) return;
    void reply.status(answer.status).header('content-type', PROBLEM).send(answer);
  }
}
Catch()(ProblemFilter);
