import type { HttpReceiver } from './http-receiver.js';

/** A receiver of one protocol, which keeps what it took. */
export interface TestReceiver {
  readonly http: HttpReceiver;
  /** The events it took, each its JSON, in their order, repetitions included. */
  kept(): Promise<readonly string[]>;
  /** Ids of events that it refuses, if its protocol can refuse one. */
  readonly poison: Set<string>;
  stop(): Promise<void>;
}

/** Of an event. */
export const idOf = (event: object): string => ('id' in event && typeof event.id === 'string' ? event.id : '');
