import { CommanderError } from 'commander';
import { CliError } from './cli-error.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { explainError } from './explain-error.js';
import { createProgram } from './create-program.js';
import type { World } from './world.js';

/** Runs one command line to its end. Never rejects: whatever happens is said, and is in the exit code. */
export async function runCli(argv: readonly string[], world: World): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.done;
  const program = createProgram({
    world,
    ended: (code) => {
      exitCode = code;
    },
    failed: (error, output) => {
      const explained = explainError(error);
      if (explained instanceof CliError) {
        output.fail(explained.message, explained.advice, explained.exitCode);
        exitCode = explained.exitCode;
        return;
      }
      output.fail(wordsOf(explained), ['This is a mistake of sallyport itself: please report it.'], EXIT.failed);
      exitCode = EXIT.failed;
    },
  });
  if (argv.length === 0) {
    program.outputHelp();
    return EXIT.done;
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Commander has said it already: help and the version are what was asked for, anything else is wrong usage.
    return error.exitCode === 0 ? EXIT.done : EXIT.invalid;
  }
  return exitCode;
}

const wordsOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
