import type { McpRequest } from './mcp-request.js';

export interface LoadOrder {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  /** Sent in turn, round and round. */
  readonly requests: readonly McpRequest[];
  readonly connections: number;
  readonly seconds: number;
  /**
   * Milliseconds, on average, that a connection waits after an answer before it sends again, exponentially
   * distributed; 0 is a closed loop.
   */
  readonly thinkMs: number;
}

/** Milliseconds. */
export interface Latencies {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface LoadResult extends Latencies {
  /** Answered, whatever the answer was. */
  readonly requests: number;
  readonly seconds: number;
  /** Answers with a status of 400 or more, and connections that broke or stayed silent. */
  readonly errors: number;
}

/** Sends the requests of an order from a process of its own, and says what came of it. */
export interface Load {
  readonly name: string;
  run(order: LoadOrder): Promise<LoadResult>;
}
