import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/** Ends the run with a sentence for the reader (none when the child has said it already) and this exit code. */
export class CommandFailed extends Error {
  /** @param {string} message @param {number} exitCode */
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

const passedOn = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/** Where a program prints: on our terminal, or all of it on stderr. @type {import('node:child_process').StdioOptions} */
export const aloud = 'inherit';
/** @type {import('node:child_process').StdioOptions} */
export const quietly = ['inherit', 2, 2];

/**
 * Runs a program with our terminal and passes signals on to it.
 * @param {string} file @param {readonly string[]} args @param {NodeJS.ProcessEnv} [env]
 * @param {import('node:child_process').StdioOptions} [stdio]
 * @returns {Promise<number>} its exit code; 128 + the signal's number when a signal ended it, as a shell would say
 */
export async function run(file, args, env = process.env, stdio = aloud) {
  const child = spawn(file, args, { stdio, env });
  const listeners = passedOn.map((signal) => /** @type {const} */ ([signal, () => void child.kill(signal)]));
  for (const [signal, listener] of listeners) process.on(signal, listener);
  try {
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  } finally {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  }
}

/**
 * Like `run`, but a failure ends the whole command with the same exit code.
 * @param {string} file @param {readonly string[]} args @param {NodeJS.ProcessEnv} [env]
 * @param {import('node:child_process').StdioOptions} [stdio]
 */
export async function mustRun(file, args, env, stdio) {
  const code = await run(file, args, env, stdio);
  if (code !== 0) throw new CommandFailed('', code);
}

/**
 * Becomes another Node process where the platform can (same pid: signals and exit code need no forwarding),
 * else runs it as a child. Never returns.
 * @param {string} node @param {readonly string[]} args
 * @returns {Promise<never>}
 */
export async function become(node, args) {
  if (typeof process.execve === 'function') process.execve(node, [node, ...args], process.env);
  process.exit(await run(node, args));
}
