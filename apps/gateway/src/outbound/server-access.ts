import type { DocumentOf } from '@sallyport/configuration';
import type { BytesInFlight } from '@sallyport/http';
import type { AnswerRoom, HearAnswer, PostedRequest, RelayAnswer, ServerChannel } from '@sallyport/mcp-relay';
import type { Permit } from '@sallyport/policy';
import type { AtHand } from './at-hand.js';
import type { CredentialLease, CredentialLeases, LeaseResult, LeaseTarget } from './credential-leases.js';
import { forward, forwardDirectly, urlOf } from './forward.js';
import type { DirectOptions, ForwardOptions, ServerRequest } from './forward.js';
import { observedAnswer } from './observe-server.js';
import type { AskedServer, ObserveServer } from './observe-server.js';
import { readAnswer } from './read-answer.js';
import type { ServerResult } from './read-answer.js';
import { withLease } from './with-lease.js';
import type { Leased, Usable, Used } from './with-lease.js';

export interface ServerAccessOptions {
  readonly leases: CredentialLeases;
  readonly channel: ServerChannel;
  /** What the gateway calls itself toward servers. */
  readonly identity: { readonly name: string; readonly version: string };
  /** Where what is gathered of a server's answer counts for the user it is for (S33). */
  readonly bytes: BytesInFlight;
  readonly observeServer?: ObserveServer | undefined;
}

export type AccessOptions = Omit<ForwardOptions, 'channel' | 'clientInfo' | 'room'>;

/** The way to the servers: with a permit one gets a lease, and with both a request goes out. */
export class ServerAccess {
  readonly #options: ServerAccessOptions;

  constructor(options: ServerAccessOptions) {
    this.#options = options;
  }

  /** Leases a credential and sends nothing. */
  async lease(permit: Permit, target: LeaseTarget): Promise<LeaseResult> {
    return await this.#options.leases.lease(permit, target);
  }

  /** Leases a credential, unless one was used, and uses it; uses another where the server does not take the first. */
  async withLease<T extends Usable>(
    permit: Permit,
    target: LeaseTarget,
    use: (lease: CredentialLease) => Promise<T>,
    used?: Used<T>,
  ): Promise<Leased<T>> {
    return await withLease(this.#options.leases, permit, target, use, used);
  }

  /** Sends one request with the credential that was leased for its permit. */
  async forward(
    permit: Permit,
    lease: CredentialLease,
    server: DocumentOf<'McpServer'>,
    request: ServerRequest,
    options: AccessOptions,
  ): Promise<RelayAnswer> {
    const { channel, identity } = this.#options;
    const room = this.#room(permit.caller.userId);
    const asked = this.#observed(lease, server, request);
    const sent = toldOf(request, asked);
    const answer = await forward(permit, lease, server, sent, { ...options, channel, clientInfo: identity, room });
    return asked === undefined ? answer : observedAnswer(asked, request.id, answer);
  }

  /** The lease that is remembered for this, where nobody has to be asked for one. */
  leaseAtHand(permit: Permit, target: LeaseTarget): AtHand<CredentialLease> | undefined {
    return this.#options.leases.atHand(permit, target);
  }

  /** Sends what can be sent at once; see `forwardDirectly`. */
  forwardDirectly(
    permit: Permit,
    lease: CredentialLease,
    server: DocumentOf<'McpServer'>,
    request: ServerRequest,
    options: Omit<DirectOptions, 'channel' | 'clientInfo' | 'room'>,
    hear: HearAnswer,
  ): PostedRequest | undefined {
    const { channel, identity } = this.#options;
    const room = this.#room(permit.caller.userId);
    const whole = { ...options, channel, clientInfo: identity, room };
    const asked = this.#observed(lease, server, request);
    if (asked === undefined) return forwardDirectly(permit, lease, server, request, whole, hear);
    return forwardDirectly(permit, lease, server, toldOf(request, asked), whole, (answer) =>
      hear(
        answer instanceof Promise
          ? answer.then((later) => observedAnswer(asked, request.id, later))
          : observedAnswer(asked, request.id, answer),
      ),
    );
  }

  #observed(lease: CredentialLease, server: DocumentOf<'McpServer'>, request: ServerRequest): AskedServer | undefined {
    const { observeServer } = this.#options;
    if (observeServer === undefined) return undefined;
    const { credentialProvider, leasedAt } = lease;
    return observeServer({ server: server.name, credentialProvider, leasedAt, url: urlOf(server), request });
  }

  /** Sends a request whose one result is for the gateway itself. */
  async ask(
    permit: Permit,
    target: LeaseTarget,
    server: DocumentOf<'McpServer'>,
    request: ServerRequest,
    options: AccessOptions,
  ): Promise<Leased<ServerResult>> {
    return await this.withLease<ServerResult>(permit, target, async (lease) =>
      readAnswer(await this.forward(permit, lease, server, request, options), request.id, lease),
    );
  }

  /** What is gathered of an answer is given back piece by piece, whatever becomes of the exchange. */
  #room(userId: string): AnswerRoom {
    const held = this.#options.bytes.open(userId);
    return { take: (size) => held.take(size) === undefined, give: held.give };
  }
}

/** The request, with what the server is told of the trace. */
const toldOf = (request: ServerRequest, asked: AskedServer | undefined): ServerRequest =>
  asked?.traceparent === undefined ? request : { ...request, traceparent: asked.traceparent };
