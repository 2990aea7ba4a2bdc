import { STATUS_CODES } from 'node:http';
import type { FieldProblem } from './bad-request.js';

/** The `Retry-After` of a 503 (RFC 9110 section 10.2.3). */
export const RETRY_AFTER_SECONDS = 5;
export const PROBLEM = 'application/problem+json; charset=utf-8';

/** RFC 9457. Nothing else about an error leaves the process. */
export interface Problem {
  /** Stable: programs go by it. E.g. `urn:sallyport:problem:not-found`. */
  readonly type: `urn:sallyport:problem:${string}`;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly errors?: readonly FieldProblem[];
  /** Members of one type (RFC 9457 section 3.2). */
  readonly [member: string]: unknown;
}

/** The problem that says no more than its status, such as `urn:sallyport:problem:not-found`. */
export function problem(status: number): Problem {
  const title = STATUS_CODES[status] ?? 'Error';
  return { type: problemType(title.toLowerCase().replaceAll(/[^a-z]+/g, '-')), title, status };
}

/** @param name lower-case words with hyphens, e.g. `base-moved` */
export const problemType = (name: string): Problem['type'] => `urn:sallyport:problem:${name}`;

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
