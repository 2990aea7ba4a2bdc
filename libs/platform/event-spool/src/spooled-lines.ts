import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';

const NEWLINE = 10;

/** Whole lines of a file of the spool, each with its newline and each JSON. */
export interface SpooledLines {
  readonly lines: Buffer;
  readonly records: number;
  /** How far they reach in the file, with what was skipped. */
  readonly bytes: number;
  /** Lines that are no JSON and were skipped. */
  readonly damaged: number;
}

/** Takes whole lines from the beginning of what memory holds: about `maxBytes`, but always one, however long. */
export function linesInMemory(memory: Buffer, maxBytes: number): SpooledLines {
  const end =
    memory.length <= maxBytes
      ? memory.length
      : memory.lastIndexOf(NEWLINE, maxBytes - 1) + 1 || memory.indexOf(NEWLINE) + 1;
  const lines = memory.subarray(0, end);
  return { lines, records: countLines(lines), bytes: end, damaged: 0 };
}

/**
 * Reads whole lines from `offset` on: about `maxBytes`, but always one, however long. When nothing but a torn line is
 * left, that is one damaged line.
 */
export async function linesInFile(
  path: string,
  { offset, end, maxBytes }: { readonly offset: number; readonly end: number; readonly maxBytes: number },
): Promise<SpooledLines | 'gone'> {
  const file = await openIfThere(path);
  if (file === undefined) return 'gone';
  try {
    for (let window = maxBytes; ; window *= 2) {
      const length = Math.min(window, end - offset);
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await file.read(buffer, 0, length, offset);
      const whole = buffer.subarray(0, bytesRead).lastIndexOf(NEWLINE) + 1;
      if (whole > 0) return soundLines(buffer.subarray(0, whole));
      if (length === end - offset) return { lines: buffer.subarray(0, 0), records: 0, bytes: length, damaged: 1 };
    }
  } finally {
    await file.close();
  }
}

/** A former process may have been killed, and its disk damaged: each of its lines is looked at. */
function soundLines(bytes: Buffer): SpooledLines {
  const sound: string[] = [];
  let damaged = 0;
  for (const line of bytes.toString('utf8').split('\n')) {
    if (line === '') continue;
    if (isJson(line)) sound.push(`${line}\n`);
    else damaged += 1;
  }
  return { lines: Buffer.from(sound.join('')), records: sound.length, bytes: bytes.length, damaged };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false; // said by the caller
  }
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines += 1;
  return lines;
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
