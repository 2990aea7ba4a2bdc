import { STATUS_CODES } from 'node:http';
import { Catch, HttpException } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { problem, type Problem } from '../problem-body.js';
import { answerProblem, toProblem, type ProblemAnswers } from '../problem.js';

/** Words an error of Nest's; any other as `toProblem` does. */
function wordError(error: unknown): Problem {
  if (!(error instanceof HttpException)) return toProblem(error);
  const detail = deliberateDetail(error);
  return detail === undefined ? problem(error.getStatus()) : { ...problem(error.getStatus()), detail };
}

/** Only a text that the thrower chose: Nest's own default ("Cannot GET /…") repeats the request. */
function deliberateDetail(error: HttpException): string | undefined {
  if (error.getStatus() >= 500 && error.getStatus() !== 503) return undefined;
  const { message } = error;
  return message === STATUS_CODES[error.getStatus()] || message.endsWith('Exception') || message.startsWith('Cannot ')
    ? undefined
    : message;
}

/** Has Nest answer every error with a problem document (RFC 9457). */
export class ProblemFilter implements ExceptionFilter {
  readonly #answers: ProblemAnswers;

  constructor(answers: Omit<ProblemAnswers, 'word'>) {
    this.#answers = { ...answers, word: wordError };
  }

  catch(error: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw error;
    answerProblem(error, host.switchToHttp().getResponse<FastifyReply>(), this.#answers);
  }
}
Catch()(ProblemFilter);
