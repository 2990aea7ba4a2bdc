import { problem, problemType, type Problem } from './problem-body.js';

export interface Refusal {
  /** A status from 400 to 499. */
  readonly status: number;
  /** Which problem it is, e.g. `base-moved`: the end of its type. Without it, the one of its status. */
  readonly name?: string;
  readonly detail: string;
  /** Members of this type of problem, e.g. `{ errors: [{ pointer: '/spec/url', message: '…' }] }`. */
  readonly members?: Readonly<Record<string, unknown>>;
}

/** What a route words as its no (RFC 9457). The problem filter answers with it; it is no failure, and not logged. */
export class RequestRefused extends Error {
  readonly problem: Problem;

  constructor({ status, name, detail, members }: Refusal) {
    super(detail);
    const general = problem(status);
    this.problem = { ...general, ...(name !== undefined && { type: problemType(name) }), detail, ...members };
  }
}
