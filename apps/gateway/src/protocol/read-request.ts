import type { AskedAddress } from './asked-address.js';
import type { ExchangeBytes, InboundHeaders, InboundRequest } from './exchange.js';
import type { Stop } from './stop.js';

export interface ReadRequestParts {
  readonly target: string | undefined;
  readonly headers: InboundHeaders;
  readonly sourceIp: string;
  readonly bytes: ExchangeBytes;
  readonly onOver: (listener: () => void) => void;
  readonly askedAddress: () => AskedAddress;
}

/** A POST whose body was read already. What few calls need of it is made when it is asked for. */
export class ReadRequest implements InboundRequest {
  readonly method = 'POST';
  readonly body: AsyncIterable<Uint8Array> = NOTHING;
  /** Stopped when the client goes away. */
  readonly gone: Stop;
  readonly #parts: ReadRequestParts;

  constructor(parts: ReadRequestParts, gone: Stop) {
    this.#parts = parts;
    this.gone = gone;
  }

  /** The same request, for a call that ends with something else than its client. */
  endedBy(stop: Stop): ReadRequest {
    return new ReadRequest(this.#parts, stop);
  }

  get target(): string | undefined {
    return this.#parts.target;
  }

  get asked(): AskedAddress {
    return this.#parts.askedAddress();
  }

  get headers(): InboundHeaders {
    return this.#parts.headers;
  }

  get sourceIp(): string {
    return this.#parts.sourceIp;
  }

  get disconnected(): AbortSignal {
    return this.gone.signal;
  }

  get onOver(): (listener: () => void) => void {
    return this.#parts.onOver;
  }

  get bytes(): ExchangeBytes {
    return this.#parts.bytes;
  }
}

const NOTHING: AsyncIterable<Uint8Array> = { [Symbol.asyncIterator]: () => ({ next: async () => DONE }) };
const DONE = { done: true, value: undefined } as const;
