import { z } from 'zod';

/** How a route refuses, or fails (RFC 9457). */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  /** What is wrong with the fields of a request, with status 400. */
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof Problem>;

/** An answer of the API that is none of the route's own. */
export class AdminApiError extends Error {
  readonly status: number;
  /** `undefined`: what answered is not the API, or the answer is another than its route declares. */
  readonly problem: Problem | undefined;

  constructor(what: string, status: number, problem?: Problem) {
    super(`${what} answered ${status}${problem?.detail === undefined ? '' : `: ${problem.detail}`}`);
    this.status = status;
    this.problem = problem;
  }
}
