import type { ExitCode } from './exit-code.js';

/** Ends a command: what happened, and whose move it is now. Both are written for whoever typed the command. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  /** What to do about it; one sentence a line. */
  readonly advice: readonly string[];

  constructor(exitCode: ExitCode, message: string, advice: readonly string[] = [], options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
    this.advice = advice;
  }
}
