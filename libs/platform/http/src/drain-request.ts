import { STATUS_CODES } from 'node:http';
import type { IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { PROBLEM } from './problem.js';

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

const STATUS_OF: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** What cannot be parsed never becomes a request: it is answered on the bare connection, which then closes in the same way. */
export function refuseUnparsed(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  socket.on('error', () => undefined); // it is over in any case
  const status = STATUS_OF[error.code ?? ''] ?? 400;
  const title = STATUS_CODES[status] ?? '';
  const body = JSON.stringify({ type: 'about:blank', title, status });
  if (socket.writable) socket.end(`HTTP/1.1 ${status} ${title}\r\nconnection: close\r\ncontent-type: ${PROBLEM}\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
  void drain(socket).then(() => socket.destroy());
}
