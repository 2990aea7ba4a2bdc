import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { problemBody } from './problem-body.js';

const MAX_BYTES = 1024 * 1024;
const MAX_MS = 1_000;

/**
 * Reads and discards the rest of a request that is answered already. If a connection closes with unread bytes, the
 * operating system resets it, and the client may never see the answer (RFC 9112 section 9.6). Resolves after one second
 * or one MiB at the latest; the caller then cuts off a client that still sends.
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
 * Answers on the bare connection where there is no request object to answer: the head was never parsed, or the request
 * was given up before its last byte. Then closes the connection in such a way that the client can read the answer.
 */
export function answerBare(
  socket: Duplex,
  status: number,
  { headers = {}, detail }: { headers?: Readonly<Record<string, string>>; detail?: string | undefined } = {},
): void {
  socket.on('error', () => undefined); // the connection ends in any case
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
