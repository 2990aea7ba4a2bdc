import type { VerifiedToken } from '@sallyport/access-token';
import type { InboundRequest } from '../protocol/exchange.js';
import type { ClientRequest } from '../protocol/client-message.js';
import type { CallNotes } from './call-notes.js';
import type { ConfiguredFor } from './configured-for.js';
import type { OpenCall } from './open-calls.js';

/** A caller whose token was verified for this very request. */
export interface Authenticated extends VerifiedToken {
  readonly token: string;
}

declare const byTheFirstHop: unique symbol;

/** A caller past the first hop, with the configuration that decided it. Only `admit` makes one (R28). */
export interface Admitted extends Authenticated, ConfiguredFor {
  readonly [byTheFirstHop]: true;
}

/** One admitted request on its way. It is data: whoever acts on it was made with what that takes. */
export interface Call extends Admitted {
  readonly inbound: InboundRequest;
  readonly request: ClientRequest;
  /** For the record; the one part of a call that grows. */
  readonly notes: CallNotes;
  readonly open: OpenCall;
}
