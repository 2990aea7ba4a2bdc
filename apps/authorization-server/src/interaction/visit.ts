import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BrowserIds } from '../federation/browser-binding.js';

/** One request of a browser within one authorization request. */
export interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The authorization request, by the engine's name for it. */
  readonly uid: string;
  readonly browser: BrowserIds;
  readonly sourceIp: string;
}
