import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { z } from 'zod';
import { SallyportError } from '@sallyport/kernel';

/**
 * One JSON document in a file. A save is on the disk and in place of the old document before it resolves, wholly or
 * not at all; saves that come in while one is running share the next. Mode 0600: it may hold other programs' secrets.
 */
export class JsonFile<T> {
  readonly #path: string;
  readonly #serialise: () => T;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(path: string, serialise: () => T) {
    this.#path = path;
    this.#serialise = serialise;
  }

  /** Throws `demo_data_unreadable` when the file is there and is not what `schema` says. */
  static async read<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S> | undefined> {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
      throw new SallyportError('demo_data_unreadable', `Cannot read ${path}.`, { cause });
    }
    try {
      return schema.parse(JSON.parse(text));
    } catch (cause) {
      throw new SallyportError(
        'demo_data_unreadable',
        `${path} is damaged; remove it to start the demonstration with empty data.`,
        { cause },
      );
    }
  }

  save(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    const start = () => this.#start();
    this.#next ??= this.#running.then(start, start);
    return this.#next;
  }

  #start(): Promise<void> {
    this.#next = undefined;
    const running = this.#write().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #write(): Promise<void> {
    await mkdir(dirname(this.#path), { recursive: true, mode: 0o700 });
    const temporary = `${this.#path}.next`;
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify(this.#serialise()));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, this.#path);
  }
}
