import { open, type FileHandle } from 'node:fs/promises';
import { MEBIBYTE, nothingToClose, type LogSink } from './log-sink.js';

const LIMITS = { records: 1_000, bytes: MEBIBYTE, waitMs: 0 };
const NEWLINE = 0x0a;

/**
 * Appends NDJSON to a file, on disk before it counts as taken. The file is opened anew for each batch: whatever rotates
 * it tells us nothing. Who may read it is left to its folder; we make it readable for ourselves alone.
 */
export function openFile(path: string): LogSink {
  return {
    limits: LIMITS,
    close: nothingToClose,
    async deliver(batch) {
      const text = batch.map(({ body }) => `${body}\n`).join('');
      try {
        await append(path, text);
        return { type: 'taken', said: `Wrote ${Buffer.byteLength(text)} bytes to ${path}.` };
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw error;
        const code = String(error.code).toLowerCase();
        return { type: 'unavailable', taken: 0, reason: `file_${code}`, said: `${path} cannot be written (${code}).` };
      }
    },
  };
}

async function append(path: string, text: string): Promise<void> {
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    try {
      await file.appendFile((await endsInLine(file, size)) ? text : `\n${text}`);
      await file.datasync();
    } catch (error) {
      // A line that was written by half is none: the batch comes again.
      await file.truncate(size).catch(() => undefined);
      throw error;
    }
  } finally {
    await file.close();
  }
}

/** Whether nothing was torn off in the middle of a line, as when a disk was full or a process was killed. */
async function endsInLine(file: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return true;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] === NEWLINE;
}
