import type { IncomingMessage } from 'node:http';
import type { Arrival } from './exchange-end.js';

/** What of a request was read before it went the long way. */
export interface KeptRequest {
  readonly body: AsyncIterable<Uint8Array>;
  /** When it arrived: the time in which it was read counts in what is measured. */
  readonly arrival: Arrival;
}

const kept = new WeakMap<IncomingMessage, KeptRequest>();

/** Keeps what was read of a request for whoever answers it. */
export function keepRequest(request: IncomingMessage, body: Uint8Array, arrival: Arrival): void {
  kept.set(request, { body: piecesOf(request, body), arrival });
}

export const keptOf = (request: IncomingMessage): KeptRequest | undefined => kept.get(request);

async function* piecesOf(request: IncomingMessage, body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body;
  if (!request.complete) throw new Error('The client went away before its request was whole.');
}
