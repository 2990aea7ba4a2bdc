/** What the process ends with: a contract with scripts and pipelines (`docs/cli.md`). */
export const EXIT = {
  done: 0,
  failed: 1,
  /** There are changes; only where `--exit-code` asks for it. */
  changes: 2,
  /** Arguments, files or documents are not valid. */
  invalid: 3,
  /** The base moved, or a document is owned by another set. */
  conflict: 4,
  /** Whoever asks may not, or could not prove who they are. */
  refused: 5,
  policyTestsFailed: 6,
  /** 128 + SIGINT, as a shell says it. */
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What each means, for the reference page. */
export const EXIT_WORDS: Readonly<Record<keyof typeof EXIT, string>> = {
  done: 'done',
  failed: 'failed: the system did not answer, or could not do it',
  changes: 'there are changes (only with `--exit-code`)',
  invalid: 'the input is not valid: arguments, files or documents',
  conflict: 'conflict: the base moved, or another set owns a document',
  refused: 'refused: not signed in, or not allowed',
  policyTestsFailed: 'policy tests failed',
  interrupted: 'ended by Ctrl-C',
};
