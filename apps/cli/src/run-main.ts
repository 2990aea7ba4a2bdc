import { homedir } from 'node:os';
import { readConfig } from './config.js';
import { EXIT } from './exit-code.js';
import { runCli } from './run-cli.js';
import type { LocalPrograms, Sink } from './world.js';

/**
 * The body of the program `sallyport`: runs what this process was called with, and leaves its exit code.
 * @param local the programs that are packed with it; a command of each is offered then
 */
export async function runMain(env: Readonly<Record<string, string | undefined>>, local?: LocalPrograms): Promise<void> {
  const interrupted = new AbortController();
  const onInterrupt = () => {
    interrupted.abort();
    process.stderr.write('\n');
    process.exit(EXIT.interrupted);
  };
  // `sallyport events | head` is no failure: who reads has had enough.
  const onOutputFailed = (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.done);
    throw error;
  };
  process.once('SIGINT', onInterrupt);
  process.stdout.on('error', onOutputFailed);

  process.exitCode = await runCli(process.argv.slice(2), {
    environment: readConfig(env),
    variables: env,
    directory: process.cwd(),
    home: homedir(),
    stdout: sink(process.stdout),
    stderr: sink(process.stderr),
    async readStdin() {
      const chunks: Buffer[] = [];
      for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks).toString('utf8');
    },
    now: Date.now,
    fetch: globalThis.fetch,
    signal: interrupted.signal,
    local,
    handOver() {
      process.off('SIGINT', onInterrupt);
      process.stdout.off('error', onOutputFailed);
    },
  });
}

const sink = (stream: NodeJS.WriteStream): Sink => ({
  write: (text) => void stream.write(text),
  isTerminal: stream.isTTY === true, // undefined for a file or a pipe, whatever its type says
  columns: () => stream.columns,
});
