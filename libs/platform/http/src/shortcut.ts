import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

/** A request of our own origin, as the host guard saw it. */
export interface GuardedArrival {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** The `Host`; a forwarded one only from a trusted proxy. */
  readonly host: string;
  /** The client's address; a forwarded one only from a trusted proxy. */
  readonly ip: string | undefined;
  /** Goes on to the routes of the app, now or later, once. The security headers are theirs to set. */
  readonly next: () => void;
}

/** Takes a request before any route, or leaves it: then it returns false and has touched nothing. */
export type TakeRequest = (arrival: GuardedArrival) => boolean;

/** What stands before the routes of an app. */
export class Shortcut {
  /** Undefined while every request goes to the routes. */
  take: TakeRequest | undefined;
  readonly #arrivalOf: (request: IncomingMessage) => Pick<GuardedArrival, 'host' | 'ip'> | undefined;

  /** @param arrivalOf undefined for a request that only the routes may answer */
  constructor(arrivalOf: (request: IncomingMessage) => Pick<GuardedArrival, 'host' | 'ip'> | undefined) {
    this.#arrivalOf = arrivalOf;
  }

  before(routes: RequestListener): RequestListener {
    return (request, response) => {
      const next = () => routes(request, response);
      const known = this.take && this.#arrivalOf(request);
      const { host, ip } = known ?? {};
      if (host === undefined || this.take?.({ request, response, host, ip, next }) !== true) next();
    };
  }
}
