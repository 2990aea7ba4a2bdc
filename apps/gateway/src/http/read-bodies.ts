import type { IncomingMessage } from 'node:http';

const read = new WeakMap<IncomingMessage, AsyncIterable<Uint8Array>>();

/** What of a request's body was read before anybody knew who should: it is still to be read by whoever does. */
export function keepBody(request: IncomingMessage, body: Uint8Array): void {
  read.set(
    request,
    (async function* () {
      yield body;
      if (!request.complete) throw new Error('The client went away before its request was whole.');
    })(),
  );
}

export const bodyOf = (request: IncomingMessage): AsyncIterable<Uint8Array> =>
  read.get(request) ?? request.iterator({ destroyOnReturn: false });
