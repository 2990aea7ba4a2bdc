import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { MEBIBYTE, nothingToClose, type LogSink } from './log-sink.js';

const LIMITS = { records: 1_000, bytes: MEBIBYTE, waitMs: 0 };

/** NDJSON on standard output, for whatever collects the output of containers. It is taken when the pipe has it. */
export function openStdout(stdout: Writable): LogSink {
  const write = promisify((text: string, done: (error?: Error | null) => void) => void stdout.write(text, done));
  return {
    limits: LIMITS,
    close: nothingToClose,
    async deliver(batch) {
      try {
        await write(batch.map(({ body }) => `${body}\n`).join(''));
        return { type: 'taken', said: `Wrote ${batch.length === 1 ? 'a line' : `${batch.length} lines`}.` };
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw error;
        const code = String(error.code).toLowerCase();
        return { type: 'unavailable', taken: 0, reason: `stdout_${code}`, said: `It cannot be written (${code}).` };
      }
    },
  };
}
