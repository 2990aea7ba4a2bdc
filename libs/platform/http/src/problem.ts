import { STATUS_CODES } from 'node:http';
import { Catch, HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { Logger } from '@sallyport/telemetry';
import type { FastifyReply } from 'fastify';
import { BadRequest } from './bad-request.js';
import { BodyRefused } from './body-refused.js';
import { problem, PROBLEM, RETRY_AFTER_SECONDS, type Problem } from './problem-body.js';
import { RequestRefused } from './request-refused.js';
import type { Unavailable } from './unavailable.js';

/**
 * Words an error for whoever sent the request. A 4xx says what the caller sent wrong; it comes only from an error that
 * was thrown about the request itself. Everything else is a 500 without a word of what happened.
 */
export function toProblem(error: unknown): Problem {
  if (error instanceof BadRequest) return { ...problem(400), errors: error.fields };
  if (error instanceof RequestRefused) return error.problem;
  if (error instanceof HttpException) {
    const detail = deliberateDetail(error);
    return detail === undefined ? problem(error.getStatus()) : { ...problem(error.getStatus()), detail };
  }
  if (error instanceof BodyRefused) return { ...problem(error.words.status), detail: error.words.detail };
  const status = clientErrorStatus(error);
  return problem(status ?? 500);
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

/** Answers every error with a problem document (RFC 9457), and logs the whole error when the failure is ours. */
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
