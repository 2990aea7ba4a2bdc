import type { IncomingMessage } from 'node:http';

const MAX_BYTES = 1024 * 1024;
const MAX_MS = 1_000;

/**
 * Takes in what is left of a request that was answered before it was read. Closing a connection with unread bytes makes
 * the operating system reset it, and the client may then never see the answer that says what was wrong (RFC 9112, 9.6).
 * Resolves after a second or a megabyte at the latest: whoever sends more is cut off.
 */
export function drainRequest(request: IncomingMessage): Promise<void> {
  if (request.complete || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    let bytes = 0;
    const count = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) done();
    };
    const done = () => {
      clearTimeout(timer);
      request.off('data', count);
      for (const event of ['end', 'close', 'error']) request.off(event, done);
      resolve();
    };
    const timer = setTimeout(done, MAX_MS).unref();
    for (const event of ['end', 'close', 'error']) request.once(event, done);
    request.on('data', count);
  });
}
