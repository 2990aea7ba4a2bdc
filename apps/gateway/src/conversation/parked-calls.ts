import { randomBytes } from 'node:crypto';
import type { JsonObject, ServerMessage } from '@sallyport/mcp-relay';
import type { OpenCall, OpenCalls } from '../call/open-calls.js';
import type { ServerCall } from './server-call.js';

/**
 * A legacy server's call that waits for a modern client's user: the client has its `input_required`, the server's
 * stream is held here.
 */
export interface ParkedCall {
  readonly serverCall: ServerCall;
  readonly messages: AsyncIterator<ServerMessage>;
  /** Answers the server, by the key the client was asked under. */
  readonly answer: (responses: JsonObject) => void;
}

/** Whose a parked call is: nobody else's retry goes on with it. */
export interface ParkedFor {
  readonly userId: string;
  readonly clientId: string;
  readonly sid: string;
  readonly connectionId: string | null;
}

export interface ParkedCallsOptions {
  readonly openCalls: OpenCalls;
  /** How long a user may take. */
  readonly lifetimeMs?: number;
  readonly limit?: number;
  readonly limitPerUser?: number;
}

/** Bounded in time, in number and per user; what is parked ends as every open call does (security rule S17). */
export class ParkedCalls {
  readonly #options: Required<ParkedCallsOptions>;
  readonly #parked = new Map<
    string,
    { readonly call: ParkedCall; readonly owner: ParkedFor; readonly forget: () => void }
  >();

  constructor(options: ParkedCallsOptions) {
    this.#options = { lifetimeMs: 5 * 60_000, limit: 1_000, limitPerUser: 16, ...options };
  }

  get size(): number {
    return this.#parked.size;
  }

  /** @returns the name it is parked under; `undefined` when there is no room. */
  park(call: ParkedCall): string | undefined {
    const { openCalls, lifetimeMs, limit, limitPerUser } = this.#options;
    const {
      call: { caller, open },
      lease,
    } = call.serverCall;
    const ofUser = [...this.#parked.values()].filter(({ owner }) => owner.userId === caller.userId).length;
    if (this.#parked.size >= limit || ofUser >= limitPerUser) return undefined;
    const name = randomBytes(16).toString('base64url');
    const end = () => {
      this.#forget(name);
      call.serverCall.work.abort();
      void call.messages.return?.();
    };
    const timer = setTimeout(end, lifetimeMs).unref();
    const waiting: OpenCall = {
      verified: open.verified,
      endsWithToken: false,
      sessionId: undefined,
      requestId: open.requestId,
      end,
      watch: open.watch,
    };
    const leave = openCalls.add(waiting);
    const forget = () => {
      clearTimeout(timer);
      leave();
    };
    this.#parked.set(name, {
      call,
      owner: { userId: caller.userId, clientId: caller.clientId, sid: caller.sid, connectionId: lease.connectionId },
      forget,
    });
    return name;
  }

  /**
   * The call, if it is still there and this is its owner with the same credential; from then on it is the taker's to
   * end.
   */
  take(name: string, by: ParkedFor): ParkedCall | undefined {
    const parked = this.#parked.get(name);
    if (parked === undefined || !isSame(parked.owner, by)) return undefined;
    this.#forget(name);
    return parked.call;
  }

  endAll(): void {
    for (const { call } of this.#parked.values()) call.serverCall.work.abort();
    for (const name of [...this.#parked.keys()]) this.#forget(name);
  }

  #forget(name: string): void {
    this.#parked.get(name)?.forget();
    this.#parked.delete(name);
  }
}

function isSame(one: ParkedFor, other: ParkedFor): boolean {
  return (
    one.userId === other.userId &&
    one.clientId === other.clientId &&
    one.sid === other.sid &&
    one.connectionId === other.connectionId
  );
}
