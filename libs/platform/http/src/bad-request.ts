import type { z } from 'zod';

/** One thing that is wrong with a request, e.g. `{ path: 'purposes.0', message: 'Invalid option' }`. */
export interface FieldProblem {
  /** Names the member, with dots between levels; empty for the request as a whole. */
  readonly path: string;
  readonly message: string;
}

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
export function parseRequest<Schema extends z.ZodType>(schema: Schema, sent: unknown): z.output<Schema> {
  const parsed = schema.safeParse(sent);
  if (parsed.success) return parsed.data;
  throw new BadRequest(parsed.error.issues.map(({ path, message }) => ({ path: path.map(String).join('.'), message })));
}
