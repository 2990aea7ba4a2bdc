import { Readable } from 'node:stream';

/**
 * Texts as a stream, one at a time as its reader takes them.
 * @param onGone called once, when the last one is read or the reader is gone: at once, where `Readable.from` would wait
 *   for what comes next
 */
export const streamOf = (texts: AsyncGenerator<string, void>, onGone: () => void): Readable =>
  new Readable({
    objectMode: true,
    highWaterMark: 1,
    read() {
      texts.next().then(
        ({ value }) => this.push(value ?? null),
        (error: unknown) =>
          this.destroy(error instanceof Error ? error : new Error('a stream broke', { cause: error })),
      );
    },
    destroy(error, done) {
      onGone();
      done(error);
    },
  });
