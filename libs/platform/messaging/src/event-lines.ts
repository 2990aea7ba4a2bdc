import { MessagingError } from './errors.js';

const [NEWLINE, COMMA, OPEN, CLOSE] = [10, 44, 91, 93];

/** Records as lines: each as JSON, which has no newline of its own, and a newline. */
export function linesOf(records: readonly unknown[]): Buffer {
  return Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
}

/**
 * Makes JSON arrays of lines, each of at most `maxBytes`, without reading what they say: a bracket in front, and commas
 * in place of the newlines. The array is what travels, since any version of the control plane reads it.
 * @throws MessagingError `event_too_large` when one line has more
 */
export function intoArrays(lines: Buffer, maxBytes: number): Buffer[] {
  const arrays: Buffer[] = [];
  for (let start = 0; start < lines.length;) {
    // The bracket in front is one byte; the one at the end stands in place of the last newline.
    const rest = lines.subarray(start, start + maxBytes - 1);
    const end = start + rest.lastIndexOf(NEWLINE) + 1;
    if (end === start) throw new MessagingError('event_too_large', `One event has more than ${maxBytes} bytes.`);
    const array = Buffer.allocUnsafe(end - start + 1);
    array[0] = OPEN;
    lines.copy(array, 1, start, end);
    for (let at = array.indexOf(NEWLINE); at !== -1; at = array.indexOf(NEWLINE, at + 1)) array[at] = COMMA;
    array[array.length - 1] = CLOSE;
    arrays.push(array);
    start = end;
  }
  return arrays;
}
