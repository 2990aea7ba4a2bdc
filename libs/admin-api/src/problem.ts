import { z } from 'zod';

/** How a route refuses, or fails (RFC 9457). Some types have members of their own, e.g. the `permission` that lacks. */
export const Problem = z.looseObject({
  /** Stable: programs go by it. E.g. `urn:sallyport:problem:base-moved`. */
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  /** What is wrong with the fields of a request (400), or with the documents of a change set (422). */
  errors: z
    .array(
      z.object({
        /** A JSON pointer (RFC 6901) into the part of the request that `in` names, e.g. `/documents/0/spec/url`. */
        pointer: z.string(),
        message: z.string(),
        in: z.enum(['path', 'query', 'headers', 'body']).optional(),
        /** The document that is wrong. */
        kind: z.string().optional(),
        name: z.string().optional(),
        /** Where it stands in its set, e.g. `policies.yaml:12`, if the writer said. */
        origin: z.string().optional(),
      }),
    )
    .optional(),
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
