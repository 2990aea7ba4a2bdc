import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Answer } from './exchange.js';

const KEEP_ALIVE_MS = 15_000;

/**
 * Writes an answer, calling `record` before its last byte leaves: an answer that cannot be recorded is not completed.
 * Streams are written as fast as the client takes them, with comments in between so that nobody's timeout cuts them.
 * @returns false when the answer did not reach its end.
 */
export async function writeAnswer(answer: Answer, response: ServerResponse, record: () => Promise<void>): Promise<boolean> {
  if (answer.body.type !== 'stream') {
    await record();
    if (response.destroyed) return false;
    const text = answer.body.type === 'text' ? answer.body.text : '';
    response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(text) });
    response.end(text);
    return true;
  }
  response.writeHead(answer.status, { ...answer.headers, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
  response.flushHeaders();
  const keepAlive = setInterval(() => {
    if (!response.destroyed) response.write(':\n\n');
  }, KEEP_ALIVE_MS);
  try {
    for await (const { text, last } of answer.body.pieces) {
      if (response.destroyed) return false;
      if (last) await record();
      if (!response.write(text) && !response.destroyed) await Promise.race([once(response, 'drain'), once(response, 'close')]);
      if (last) {
        response.end();
        return true;
      }
    }
    return false;
  } finally {
    clearInterval(keepAlive);
  }
}
