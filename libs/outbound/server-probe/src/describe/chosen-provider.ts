import type { Unknown } from './description.js';

/** A credential provider to write, and why this one. */
export interface ChosenProvider {
  /** The end of its document's name, such as `per-user`. */
  readonly suffix: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly before: readonly string[];
  readonly at?: Readonly<Record<string, readonly string[]>>;
  readonly after?: readonly string[];
  readonly unknowns: readonly Unknown[];
}
