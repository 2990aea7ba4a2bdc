import type { Call } from '../call/call.js';
import type { Target } from '../call/target.js';
import type { Operation } from '../protocol/client-message.js';
import type { Answer } from '../protocol/exchange.js';
import type { Refusal } from '../protocol/refusal.js';

/** Each operation a client can ask for, by its type. */
export type OperationOf = { readonly [T in Operation['type']]: Extract<Operation, { type: T }> };

/** What an operation comes to: an answer of the gateway's own, or what is asked of one server. */
export type Outcome = Answer | Target | Refusal;

export type Perform<T extends Operation['type']> = (
  call: Call,
  operation: OperationOf[T],
) => Outcome | Promise<Outcome>;
