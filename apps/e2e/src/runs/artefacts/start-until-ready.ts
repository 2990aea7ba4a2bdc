import { runProgram, type Ended } from '../../system/command-line.js';
import { READY } from '../../system/spawn-standalone.js';

const READY_MS = 5 * 60_000;

/** Starts the whole system by a command of a user, until it says that it is ready. */
export async function startUntilReady(
  program: string,
  args: readonly string[],
  options: { cwd: string; env: Readonly<Record<string, string>> },
) {
  const began = performance.now();
  let printed = '';
  let kill: (signal: NodeJS.Signals) => void = () => undefined; // known with the first word it prints
  let ended: Promise<Ended> | undefined;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      kill('SIGKILL');
      reject(new Error(`it is not ready after ${READY_MS / 1000} s:\n${printed}`));
    }, READY_MS);
    const watch = (stdout: string, end: typeof kill) => {
      printed = stdout;
      kill = end;
      if (READY.test(stdout)) resolve();
    };
    ended = runProgram(program, args, { ...options, watch });
    ended.then(({ stdout, stderr }) => reject(new Error(`it ended:\n${stdout}\n${stderr}`)), reject);
    void ended.finally(() => clearTimeout(timer));
  });
  return {
    seconds: (performance.now() - began) / 1000,
    output: () => printed,
    /** As whoever starts it would: npm passes on what it is asked. */
    async stop(signal: 'SIGINT' | 'SIGTERM' = 'SIGINT'): Promise<Ended> {
      kill(signal);
      return (await ended) as Ended;
    },
  };
}
