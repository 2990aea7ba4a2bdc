import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

export interface ArrivedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer<ArrayBuffer>;
}

export interface GivenAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What goes wrong at the receiver, for whatever protocol it speaks. */
export interface ReceiverFaults {
  /** Every request is answered so, and kept nowhere. */
  answer?: GivenAnswer | undefined;
  /** A larger body is answered with 413. */
  maxBytes?: number | undefined;
  /** Before each answer. */
  delayMs?: number | undefined;
}

/** An HTTP server that speaks a protocol by `answer`, with faults, and that can be away and come back on its port. */
export class HttpReceiver {
  readonly requests: ArrivedRequest[] = [];
  readonly faults: ReceiverFaults = {};
  readonly #answer: (request: ArrivedRequest) => GivenAnswer | Promise<GivenAnswer>;
  #server: Server | undefined;
  #port = 0;

  constructor(answer: (request: ArrivedRequest) => GivenAnswer | Promise<GivenAnswer>) {
    this.#answer = answer;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const server = createServer((incoming, outgoing) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => void chunks.push(chunk));
      incoming.on('end', () => {
        const { method = '', url: path = '', headers } = incoming;
        const request = { method, path, headers, body: Buffer.concat(chunks) };
        void this.#given(request).then(({ status, headers: more = {}, body = '' }) => {
          outgoing.writeHead(status, more).end(body);
        });
      });
    });
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  }

  async #given(request: ArrivedRequest): Promise<GivenAnswer> {
    this.requests.push(request);
    const { answer, maxBytes = Infinity, delayMs = 0 } = this.faults;
    if (delayMs > 0) await wait(delayMs);
    if (answer !== undefined) return answer;
    if (request.body.length > maxBytes) return { status: 413, body: 'too large' };
    return this.#answer(request);
  }
}
