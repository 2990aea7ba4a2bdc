import type { Logger } from '@sallyport/telemetry';
import type { FastifyInstance, FastifyReply } from 'fastify';
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
  if (error instanceof BodyRefused) return { ...problem(error.words.status), detail: error.words.detail };
  const status = clientErrorStatus(error);
  return problem(status ?? 500);
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

export interface ProblemAnswers {
  readonly logger: Logger;
  /** Recognizes outages of a store or a bus, which get 503 instead of 500. */
  readonly unavailable?: Unavailable | undefined;
  /** Words an error; `toProblem` where no framework throws errors of its own. */
  readonly word?: (error: unknown) => Problem;
}

/** Answers an error with a problem document (RFC 9457), and logs the whole error when the failure is ours. */
export function answerProblem(
  error: unknown,
  reply: FastifyReply,
  { logger, unavailable, word = toProblem }: ProblemAnswers,
): void {
  if (unavailable?.is(error)) {
    const { headers, body } = unavailable.answer(error, reply.request.url.split('?', 1)[0] ?? '');
    if (!reply.sent && !reply.raw.headersSent)
      void reply
        .status(503)
        .headers({ ...headers })
        .send(body);
    return;
  }
  const answer = word(error);
  if (error instanceof BodyRefused) {
    reply.raw.shouldKeepAlive = false;
    if (error.words.retryAfterSeconds !== undefined)
      void reply.header('retry-after', String(error.words.retryAfterSeconds));
  } else if (answer.status === 503) {
    void reply.header('retry-after', String(RETRY_AFTER_SECONDS)).header('cache-control', 'no-store');
    logger.warn({ err: error, route: reply.request.routeOptions.url }, 'a request is asked to come back');
  } else if (answer.status >= 500)
    logger.error(
      { err: error instanceof Error ? error : new Error(String(error)), route: reply.request.routeOptions.url },
      'request failed',
    );
  if (reply.sent || reply.raw.headersSent) return;
  void reply.status(answer.status).header('content-type', PROBLEM).send(answer);
}

/** Has an app without Nest answer errors and unknown paths with problem documents. */
export function answerProblems(fastify: FastifyInstance, answers: ProblemAnswers): void {
  fastify.setErrorHandler((error, _request, reply) => answerProblem(error, reply, answers));
  fastify.setNotFoundHandler(
    (_request, reply) => void reply.status(404).header('content-type', PROBLEM).send(problem(404)),
  );
}
