import { randomBytes } from 'node:crypto';

/** What stands for one process among its replica's former and other ones: 48 random bits, in hexadecimal. */
const INCARNATION = /^[0-9a-f]{12}$/;

/**
 * One incarnation of a process, as a writer of the trail. It numbers what it writes 1, 2, 3 and so on, so that whoever
 * stores it sees what is missing. A number is given once; a process that starts anew is another writer.
 */
export class RecordNumbers {
  /** For example `gateway-1.0f8a3c5d7e91`. */
  readonly writer: string;
  #last = 0;

  constructor(replica: string) {
    this.writer = `${replica}.${randomBytes(6).toString('hex')}`;
  }

  /** Whether a process of this replica may call itself so. */
  static isOf(replica: string, writer: string): boolean {
    return writer.startsWith(`${replica}.`) && INCARNATION.test(writer.slice(replica.length + 1));
  }

  next(): number {
    return ++this.#last;
  }
}
