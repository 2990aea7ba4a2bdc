import type { Check, Peer } from './peer.js';

/** What went wrong, by check; a check that is not in it passed. */
export type Problems = Partial<Record<Check, string>>;

/** What came of one peer. `missing`: its language is not on this machine. */
export type Outcome = { readonly peer: Peer } & (
  | { readonly type: 'tried'; readonly problems: Problems }
  | { readonly type: 'missing' | 'failed'; readonly reason: string }
);
