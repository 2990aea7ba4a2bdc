import type { DocumentOf } from '@sallyport/configuration';
import type { JsonObject, RelayAnswer } from '@sallyport/mcp-relay';
import type { Action } from '@sallyport/policy';
import type { Answer } from '../protocol/exchange.js';
import type { ClientAbilities } from '../protocol/client-abilities.js';
import type { Question } from '../protocol/question.js';
import type { CredentialLease } from '../outbound/credential-leases.js';
import type { Refusal } from '../protocol/refusal.js';
import type { Call } from '../call/call.js';

/** Words a failure that shows after a stream has begun. */
export type RefuseLate = (refusal: Refusal) => Answer;

/** What was asked of a server, and as whom: what its response means follows from it. */
export interface Asked {
  readonly call: Call;
  readonly server: DocumentOf<'McpServer'>;
  readonly lease: CredentialLease;
  /** What was permitted. */
  readonly action: Action;
  /** As the server was sent it. */
  readonly params: JsonObject;
  /** What the server was told it may ask. */
  readonly abilities: ClientAbilities;
}

/** A call on its way at a server: what relaying its answer needs. */
export interface ServerCall extends Asked {
  /**
   * Questions of the server that wait for the client: how to close each. While there are any, the server may be silent.
   */
  readonly waiting: Set<() => void>;
  /** Aborting it ends the call at the server. */
  readonly work: AbortController;
  readonly refuseLate: RefuseLate;
  /** Asks the server once more, with what it wanted: decided and leased anew (security rule S16). */
  readonly again: (params: JsonObject) => Promise<Sent | Refusal>;
}

export interface Sent {
  readonly serverCall: ServerCall;
  readonly answer: Exclude<RelayAnswer, { type: 'credential-rejected' }>;
}

/** A server's response, for this client: text, a refusal, or questions a legacy client has to be asked first. */
export type Outcome = { readonly text: string } | Refusal | InputRequired;

export interface InputRequired {
  /** By the server's keys. */
  readonly questions: ReadonlyMap<string, Question>;
  readonly requestState: string | undefined;
}
