import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { answerBare } from './drain-request.js';
import type { ListenerLimits } from './listener-limits.js';

/** One accepted connection: its unanswered requests, and how fast its client sends and reads. */
export class ClientConnection {
  /** The address that holds the connection; undefined for a trusted proxy, whose connections carry many clients. */
  readonly address: string | undefined;
  readonly #socket: Socket;
  /** The latest request, until its last byte has arrived. */
  #request: IncomingMessage | undefined;
  #response: ServerResponse | undefined;
  #unanswered = 0;
  /** The start of the rate's window, and the bytes the client had sent by then. */
  #windowFrom = 0;
  #sentBefore = 0;
  /** The bytes the client had read when it last read any, and when that was. */
  #readBytes = 0;
  #readAt = performance.now();

  constructor(socket: Socket, address: string | undefined) {
    this.#socket = socket;
    this.address = address;
  }

  /** Requests that have no complete answer yet. */
  get unanswered(): number {
    return this.#unanswered;
  }

  receive(request: IncomingMessage, response: ServerResponse): void {
    this.#unanswered += 1;
    this.#request = request;
    this.#response = response;
    this.#windowFrom = performance.now();
    this.#sentBefore = this.#socket.bytesRead;
    response.once('close', () => {
      this.#unanswered -= 1;
      if (this.#response === response) this.#response = undefined;
    });
  }

  /** Whether the client sent less in the last window than the least rate asks for. Begins the next window. */
  isSlowSender(now: number, { rateWindowMs, leastBytesPerSecond }: ListenerLimits): boolean {
    const request = this.#request;
    if (request === undefined) return false;
    if (request.complete || request.destroyed) {
      this.#request = undefined;
      return false;
    }
    const elapsed = now - this.#windowFrom;
    // While our own buffer is full the client cannot send: the delay is ours.
    const isOurDelay = request.readableLength >= request.readableHighWaterMark;
    if (elapsed < rateWindowMs && !isOurDelay) return false;
    const sent = this.#socket.bytesRead - this.#sentBefore;
    this.#windowFrom = now;
    this.#sentBefore = this.#socket.bytesRead;
    return !isOurDelay && sent < (elapsed / 1_000) * leastBytesPerSecond;
  }

  /** Whether the client has read nothing of a waiting answer for `slowReaderMs`. */
  isSlowReader(now: number, { slowReaderMs }: ListenerLimits): boolean {
    const { bytesWritten, writableLength } = this.#socket;
    const readBytes = bytesWritten - writableLength;
    if (writableLength === 0 || readBytes !== this.#readBytes) {
      this.#readBytes = readBytes;
      this.#readAt = now;
    }
    return now - this.#readAt > slowReaderMs;
  }

  /** Ends the connection, with this status where no earlier request is still to be answered on it. */
  refuse(status: number, detail?: string): void {
    if (this.#mayAnswer()) answerBare(this.#socket, status, { detail });
    else this.#socket.destroy();
  }

  #mayAnswer(): boolean {
    const isWhole = this.#request === undefined || this.#request.complete;
    if (this.#unanswered === 0) return isWhole;
    return this.#unanswered === 1 && !isWhole && this.#response !== undefined && !this.#response.headersSent;
  }
}
