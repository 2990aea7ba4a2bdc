import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { problemBody } from './problem.js';

const MAX_BYTES = 1024 * 1024;
const MAX_MS = 1_000;

/**
 * Takes in what is left of a request that was answered before it was read. Closing a connection with unread bytes makes
 * the operating system reset it, and the client may then never see the answer that says what was wrong (RFC 9112, 9.6).
 * Resolves after a second or a megabyte at the latest: whoever sends more is cut off.
 */
export function drainRequest(request: IncomingMessage): Promise<void> {
  return request.complete ? Promise.resolve() : drain(request);
}

function drain(stream: Readable): Promise<void> {
  if (stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let bytes = 0;
    const count = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) done();
    };
    const done = () => {
      clearTimeout(timer);
      stream.off('data', count);
      for (const event of ['end', 'close', 'error']) stream.off(event, done);
      resolve();
    };
    const timer = setTimeout(done, MAX_MS).unref();
    for (const event of ['end', 'close', 'error']) stream.once(event, done);
    stream.on('data', count);
  });
}

/**
 * Answers on the bare connection what never became a request, or was given up before it was whole, and closes it so that
 * whoever sent it can read the answer.
 */
export function answerBare(
  socket: Duplex,
  status: number,
  { headers = {}, detail }: { headers?: Readonly<Record<string, string>>; detail?: string | undefined } = {},
): void {
  socket.on('error', () => undefined); // it is over in any case
  const { type, body } = problemBody(status, detail);
  const lines = Object.entries({
    connection: 'close',
    'content-type': type,
    'content-length': String(body.length),
    ...headers,
  });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  if (socket.writable) socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head}\r\n${body}`);
  void drain(socket).then(() => socket.destroy());
}
