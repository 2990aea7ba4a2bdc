/** What a run sees of one peer; the columns of the table in docs/compatibility.md. */
export const CHECKS = ['list', 'call', 'failing tool', 'restart', 'cut call', 'expired token'] as const;
export type Check = (typeof CHECKS)[number];

/** A tool of a server and arguments it answers without calling anybody outside; what its own answer holds. */
export interface KnownCall {
  readonly tool: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly holds: string;
}

/** A server that nobody here wrote, or a few tools of ours on an SDK that nobody here wrote. */
export interface Peer {
  /** Prefix of its tools. */
  readonly name: string;
  /** Folder in `apps/e2e/foreign` with its sources, its pins and its `run.sh`. */
  readonly program: string;
  /** What `run.sh serve` starts of that program. */
  readonly mode: string;
  /** Whose work is tried, as its registry names it. */
  readonly package: string;
  readonly version: string;
  readonly what: string;
  /** It has an authorization server of its own, whose tokens live seconds and whose memory ends with its process. */
  readonly hasAuthorizationServer?: boolean;
  /** Of a finished server. Without it, it has the tools `echo`, `slow` and `fail`, and notes each that runs. */
  readonly calls?: readonly KnownCall[];
}

/** The checks a peer can be asked for. */
export function checksOf({ calls, hasAuthorizationServer }: Peer): readonly Check[] {
  const own: readonly Check[] = calls === undefined ? ['failing tool', 'restart', 'cut call'] : ['restart'];
  return ['list', 'call', ...own, ...(hasAuthorizationServer === true ? (['expired token'] as const) : [])];
}
