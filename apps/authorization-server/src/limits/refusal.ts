import type { BudgetRefusal } from '@sallyport/kernel';

export interface Refusal extends BudgetRefusal {
  /** It is not the caller's own limit that was reached, but one that many share. */
  readonly isCommon?: boolean;
}

/** What is said then. */
export const COMMON_LIMIT = 'too many requests from others just now: try again later';
