import { open, rename, type FileHandle } from 'node:fs/promises';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';

/** A line is looked for in this many bytes at the end of a file. */
const MOST_BYTES = 4 * 1024 * 1024;

/** The sequence at the end of a text of whole lines: of the last event, in NDJSON or CSV. */
export function lastSequenceIn(text: string): number | undefined {
  const line = text.slice(0, -1).split('\n').at(-1) ?? '';
  const sequence = line.startsWith('{')
    ? /^\{"sequence":(\d{1,15})[,}]/.exec(line)?.[1]
    : /^(\d{1,15}),/.exec(line)?.[1];
  return sequence === undefined ? undefined : Number(sequence);
}

/** A file that is written line by line beside its place (`FILE.part`), and moved there when it is whole. */
export class LineFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  last: number | undefined;

  private constructor(path: string, handle: FileHandle, last: number | undefined) {
    this.#path = path;
    this.#handle = handle;
    this.last = last;
  }

  /** @param isBegun goes on behind the last whole line of what is there */
  static async open(path: string, isBegun: boolean): Promise<LineFile> {
    const part = `${path}.part`;
    try {
      const handle = await open(part, isBegun ? 'a+' : 'w', 0o600);
      return new LineFile(path, handle, isBegun ? await cutToLines(handle) : undefined);
    } catch (error) {
      throw new CliError(EXIT.failed, `${part} cannot be ${isBegun ? 'read' : 'written'}.`, [], { cause: error });
    }
  }

  async write(lines: string): Promise<void> {
    await this.#handle.appendFile(lines);
    this.last = lastSequenceIn(lines) ?? this.last;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** It is whole. */
  async finish(): Promise<void> {
    await this.#handle.sync();
    await this.#handle.close();
    await rename(`${this.#path}.part`, this.#path);
  }
}

async function cutToLines(handle: FileHandle): Promise<number | undefined> {
  const { size } = await handle.stat();
  const from = Math.max(0, size - MOST_BYTES);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from);
  const whole = buffer.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
  await handle.truncate(whole === 0 ? 0 : from + whole);
  return lastSequenceIn(buffer.subarray(0, whole).toString('utf8'));
}
