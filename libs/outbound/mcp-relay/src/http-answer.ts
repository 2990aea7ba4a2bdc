import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';

/** The answer to one HTTP request, whose body is still to be read. */
export interface HttpAnswer {
  readonly statusCode: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Readable;
}

/** Without parameters, in lower case; empty where the server names none (RFC 9110 section 8.3.1). */
export function mediaTypeOf({ headers }: Pick<HttpAnswer, 'headers'>): string {
  const type = headers['content-type'];
  if (type === 'application/json') return type;
  return String(type ?? '')
    .split(';', 1)
    .join()
    .trim()
    .toLowerCase();
}
