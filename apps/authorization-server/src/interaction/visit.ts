import type { IncomingMessage, ServerResponse } from 'node:http';

/** One request of a browser within one authorization request. */
export interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The authorization request, by the engine's name for it. */
  readonly uid: string;
  /** This browser, by our own cookie. */
  readonly browser: string;
  readonly sourceIp: string;
}
