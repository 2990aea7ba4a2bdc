import type { HeldBytes } from '@sallyport/http';
import type { RequestId } from '@sallyport/mcp-relay';
import type { AskedAddress } from './asked-address.js';

/** One HTTP request as the request path sees it: no framework, no socket. */
export interface InboundRequest {
  readonly method: string;
  /** The server of `/mcp/<server>`; absent on `/mcp`. */
  readonly target?: string | undefined;
  readonly asked: AskedAddress;
  readonly headers: InboundHeaders;
  /** The agent's address; forwarded headers count only from listed proxies (security rule S19). */
  readonly sourceIp: string | null;
  /** Read only once the caller is known (R12). */
  readonly body: AsyncIterable<Uint8Array>;
  /** Aborted when the client goes away: whatever was started for it ends then. */
  readonly disconnected: AbortSignal;
  /** Runs once the answer has been written or given up. */
  readonly onOver: (listener: () => void) => void;
  /** What the exchange holds in memory. */
  readonly bytes: ExchangeBytes;
}

/** The same request, for something that ends with another signal. A request may make its parts when it is asked. */
export const endingWith = (
  { method, target, asked, headers, sourceIp, body, onOver, bytes }: InboundRequest,
  disconnected: AbortSignal,
): InboundRequest => ({ method, target, asked, headers, sourceIp, body, onOver, bytes, disconnected });

/** Counts what one exchange holds, once it is known for whom (security rule S33). */
export class ExchangeBytes {
  #held: HeldBytes | undefined;

  countIn(held: HeldBytes): void {
    this.#held = held;
  }

  /** What is there already, such as an answer that waits to be taken. */
  charge(bytes: number): void {
    this.#held?.charge(bytes);
  }

  give(bytes: number): void {
    this.#held?.give(bytes);
  }

  release(): void {
    this.#held?.release();
  }
}

/** Header look-up that knows about repetition, which Node's own object hides. */
export class InboundHeaders {
  readonly #values = new Map<string, string>();
  readonly #repeated = new Set<string>();

  /** @param rawHeaders name and value in turn, as Node delivers them. */
  constructor(rawHeaders: readonly string[]) {
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const name = (rawHeaders[i] ?? '').toLowerCase();
      if (this.#values.has(name)) this.#repeated.add(name);
      else this.#values.set(name, rawHeaders[i + 1] ?? '');
    }
  }

  get(name: string): string | undefined {
    return this.#values.get(name)?.trim();
  }

  isRepeated(name: string): boolean {
    return this.#repeated.has(name);
  }

  /** A header that must not be repeated, and is (security rule S10). */
  firstRepeated(): string | undefined {
    for (const name of this.#repeated)
      if (name === 'authorization' || name === 'content-type' || name.startsWith('mcp-')) return name;
    return undefined;
  }
}

/**
 * A whole event, or a part of one: nothing else may come in between. `last` marks the piece that ends the answer: the
 * record is on disk before it leaves.
 */
export type AnswerPiece =
  | { readonly text: string; readonly last: boolean }
  /** Whole characters (UTF-8) of the middle of an event. */
  | { readonly text: Uint8Array; readonly last: false };

/** Whether a whole event has ended, after a piece that followed others. */
export const isBetweenEvents = ({ text }: AnswerPiece, wasBefore: boolean): boolean =>
  text.length === 0 ? wasBefore : typeof text === 'string' && text.endsWith('\n\n');

export interface Answer {
  readonly status: number;
  /** Of the JSON-RPC error that is the body, for the record. */
  readonly errorCode?: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body:
    | { readonly type: 'none' }
    | { readonly type: 'text'; readonly text: string }
    | { readonly type: 'stream'; readonly pieces: AsyncIterable<AnswerPiece> };
}

/**
 * What the clients of calls hear that ran although their records could not be written, each a JSON-RPC message with
 * their id.
 */
export type Withheld = readonly Answer[];

/** How an exchange ended, for its records. */
export interface ExchangeEnd {
  readonly receivedAt: number;
  readonly durationMs: number;
  readonly httpStatus: number;
  /** Of an answer that reached its end. */
  readonly responseBytes?: number | undefined;
  /** The client's. */
  readonly address: string;
}

/** One exchange after the request path: its answer, and its records. */
export interface HandledExchange {
  readonly answer: Answer;
  /** Records each call, once, before the last byte leaves (R74). */
  readonly record: (end: ExchangeEnd) => Promise<Withheld>;
  /** Writing the answer threw. */
  readonly brokeOff: (error: unknown) => void;
  /** The answer did not reach its end. */
  readonly notDelivered: () => void;
  /** What is said in place of an answer of which nothing has left. */
  readonly internalError: () => Answer;
}

export const noBody = { type: 'none' } as const;

export function jsonAnswer(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return textAnswer(status, JSON.stringify(body), headers);
}

/** For JSON that exists as text already. */
export function textAnswer(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: { type: 'text', text } };
}

/** A JSON-RPC response with a result of the gateway's own. */
export const resultAnswer = (id: RequestId, result: object, headers?: Readonly<Record<string, string>>): Answer =>
  jsonAnswer(200, { jsonrpc: '2.0', id, result }, headers);
