import type { z } from 'zod';

/** One thing that is wrong with a request, e.g. `{ pointer: '/purposes/0', message: 'Invalid option', in: 'body' }`. */
export interface FieldProblem {
  /** Names the member (RFC 6901); empty for the part as a whole. */
  readonly pointer: string;
  readonly message: string;
  /** The part of the request that `pointer` leads into. */
  readonly in: RequestPart;
}
export type RequestPart = 'path' | 'query' | 'headers' | 'body';

/** The caller sent something else than the route takes. The problem filter answers it with 400 and names the fields. */
export class BadRequest extends Error {
  readonly fields: readonly FieldProblem[];

  constructor(fields: readonly FieldProblem[]) {
    super('the request is not one this route takes');
    this.fields = fields;
  }
}

/**
 * Parses what a caller sent. Only this function turns a failed schema into the caller's 400: a `ZodError` from anywhere
 * else, such as a stored row or another server's answer, is a failure of ours.
 * @throws {BadRequest} when the schema refuses `sent`
 */
export function parseRequest<Schema extends z.ZodType>(
  schema: Schema,
  sent: unknown,
  part: RequestPart = 'body',
): z.output<Schema> {
  const parsed = schema.safeParse(sent);
  if (parsed.success) return parsed.data;
  throw new BadRequest(
    parsed.error.issues.map(({ path, message }) => ({ pointer: pointerOf(path), message, in: part })),
  );
}

/** A JSON pointer (RFC 6901), e.g. `/spec/url`. */
export const pointerOf = (path: readonly PropertyKey[]): string =>
  path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
