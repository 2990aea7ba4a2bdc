/** No room where there is none left, whoever counts the bytes: the disk, a quota, the limit of a file. */
const NO_SPACE: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Whether the spool takes records, and if not, why. */
export type SpoolState = { readonly accepting: true } | RefusingState;

export interface RefusingState {
  readonly accepting: false;
  /** `full`: the spool reached its own bound. The others: the disk refused. */
  readonly reason: 'full' | 'disk-full' | 'write-failed';
  /** The system's code, such as `ENOSPC`. */
  readonly code?: string;
}

/** Why the directory took no more bytes the last time, and when that was, by the clock of the spool. */
export interface SpoolFailure {
  readonly reason: RefusingState['reason'];
  readonly code: string | undefined;
  readonly at: number;
}

/** Reads what the system threw at that time. */
export function failureOf(error: unknown, at: number): SpoolFailure {
  const code = codeOf(error);
  return { reason: NO_SPACE.has(code) ? 'disk-full' : 'write-failed', code, at };
}

/** A spool that met no failure and refuses is full. */
export function refusingFor(failure: SpoolFailure | undefined): RefusingState {
  const { reason, code } = failure ?? { reason: 'full', code: undefined };
  return { accepting: false, reason, ...(code === undefined ? {} : { code }) };
}

/** The system's code of an error, such as `EIO`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
