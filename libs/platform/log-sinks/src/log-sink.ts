/** One event as a sink sends it. */
export interface SinkRecord {
  /** Stable: the same event, sent again, has the same. Receivers tell repetitions by it. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** E.g. `mcp.response`. */
  readonly type: string;
  readonly severity: Severity;
  /** A JSON object, in one line. */
  readonly body: string;
}
export type Severity = 'info' | 'warning' | 'error';

/** How much a sink takes at once. */
export interface BatchLimits {
  readonly records: number;
  /** Of all bodies together; a single record may be larger. */
  readonly bytes: number;
  /** How long events may wait for others to go with them, in milliseconds. 0: not at all. */
  readonly waitMs: number;
}

interface NotTaken {
  /** How many records at the head of the batch the receiver has all the same. */
  readonly taken: number;
  /** For programs and logs, e.g. `http_503` or `outbound_timeout`. Nothing that somebody else said. */
  readonly reason: string;
  /** What the receiver answered or what went wrong, in one line: for administrators, and for no log. */
  readonly said: string;
}

/** What became of a batch. */
export type Delivered =
  | { readonly type: 'taken'; readonly said: string }
  /** The receiver is away, busy, or set up otherwise than we think: the same records go again later. */
  | (NotTaken & { readonly type: 'unavailable'; readonly retryAfterMs?: number | undefined })
  /** A record is refused for what it is, or several together for their size. */
  | (NotTaken & {
      readonly type: 'refused';
      /** Which of the batch; unknown where the receiver refused them together. */
      readonly at?: number | undefined;
      readonly isTooLarge: boolean;
    });

/** Where events go. One batch at a time, in the order of the batches. */
export interface LogSink {
  readonly limits: BatchLimits;
  /** Resolves when the receiver keeps the batch, as far as its protocol lets us know. */
  deliver(batch: readonly SinkRecord[], signal: AbortSignal): Promise<Delivered>;
  close(): Promise<void>;
}

export const MEBIBYTE = 1_048_576;

/** Of a sink that holds nothing open. */
export const nothingToClose = (): Promise<void> => Promise.resolve();
