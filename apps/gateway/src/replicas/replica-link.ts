import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { BoundedMap } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import { ReplicaReply, ReplicaRequest, subjects } from '@sallyport/messages';
import type { Messaging, Unsubscribe } from '@sallyport/messaging';
import { UserPace } from './user-pace.js';
import type { PaceLimits } from './user-pace.js';
import type { StateSealer } from '../session/state-sealer.js';

const Wire = z.object({ from: z.string().max(64), sealed: z.string() });
const Told = z.array(z.unknown());
const Sealed = z.object({ nonce: z.string().max(64), issuedAt: z.int(), content: z.unknown() });

/** A message older than this is somebody's recording. */
const FRESH_MS = 30_000;
const EVERYBODY = '*';
/** As many as one user's calls: all of them can be cancelled at once. */
const PER_USER: PaceLimits = { burst: 256, perSecond: 16 };
const GATHER_MS = 5;

/** Bytes of JSON. Sealed and written in Base64 it is a third more, and the bus takes messages of 1 MiB. */
const MAX_CONTENT = 720 * 1024;

/** Of what one user has brought to another gateway, so many bytes count as one thing told. */
const BYTES_OF_ONE = 16 * 1024;

export interface Telling {
  /** Resolves when it was sent. */
  readonly tell: (request: ReplicaRequest) => Promise<void>;
}

export interface ReplicaLinkOptions {
  readonly messaging: Pick<Messaging, 'peers' | 'broadcast'>;
  readonly sealer: StateSealer;
  /** This replica's name. */
  readonly replica: string;
  readonly clock: Clock;
  /** What one user's agents may have told to all. */
  readonly perUser?: PaceLimits;
  readonly onProblem?: (problem: string, error?: unknown) => void;
}

/**
 * What gateways say to each other. The bus is not trusted with it: every message is sealed with the key the gateways
 * share, bound to sender, receiver and direction, fresh, and taken once. A stolen bus identity without that key, the
 * bus itself and its operator can neither answer a user's question nor read one (security rules S16, S26).
 */
export class ReplicaLink {
  readonly #options: ReplicaLinkOptions;
  readonly #seen = new BoundedMap<string, true>(100_000);
  readonly #pace: UserPace;
  #untold: {
    readonly request: ReplicaRequest;
    /** Bytes of JSON. */ readonly size: number;
    readonly resolve: () => void;
    readonly reject: (reason: unknown) => void;
  }[] = [];

  constructor(options: ReplicaLinkOptions) {
    this.#options = options;
    this.#pace = new UserPace(options.clock, options.perUser ?? PER_USER);
  }

  /** @returns what the replica said, or `undefined` when it could not be reached in time. */
  async ask(to: string, request: ReplicaRequest, timeoutMs: number): Promise<ReplicaReply | undefined> {
    const { messaging, onProblem } = this.#options;
    const { text, nonce } = this.#seal('request', to, request);
    try {
      const reply = this.#open('reply', await messaging.peers.ask(to, text, { timeoutMs }), nonce);
      return reply?.from === to ? ReplicaReply.safeParse(reply.content).data : undefined;
    } catch (error) {
      onProblem?.('replica_unreachable', error);
      return undefined;
    }
  }

  /**
   * Room to tell all gateways something for this user. What an agent makes us tell costs every gateway, so it is taken
   * before anything is done, and each user has only so much of it.
   */
  mayTell(userId: string): Telling | { readonly retryAfterSeconds: number } {
    const retryAfterSeconds = this.#pace.take(userId);
    return retryAfterSeconds === undefined ? { tell: (request) => this.#gather(request) } : { retryAfterSeconds };
  }

  /**
   * Room to bring this to another gateway for this user: it costs the one that hears it, by its length, whether or not
   * anybody there waits for it. What is `too-large` would look like a replica that is gone.
   */
  mayBring(userId: string, content: unknown): 'may' | 'too-large' | { readonly retryAfterSeconds: number } {
    const size = Buffer.byteLength(JSON.stringify(content));
    const isTooLarge = size > MAX_CONTENT;
    const retryAfterSeconds = this.#pace.take(userId, isTooLarge ? 1 : Math.ceil(size / BYTES_OF_ONE));
    if (retryAfterSeconds !== undefined) return { retryAfterSeconds };
    return isTooLarge ? 'too-large' : 'may';
  }

  /** What this replica itself has to say to all, at once. */
  async tellAll(...requests: readonly ReplicaRequest[]): Promise<void> {
    await this.#options.messaging.broadcast.publish(
      subjects.allGateways,
      this.#seal('request', EVERYBODY, requests).text,
    );
  }

  /**
   * Whatever agents make us tell within a moment travels together: the bus carries a message per moment, not per agent.
   */
  #gather(request: ReplicaRequest): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = this.#untold.push({ request, size: Buffer.byteLength(JSON.stringify(request)), resolve, reject });
    if (waiting === 1) setTimeout(() => void this.#tellGathered(), GATHER_MS);
    return promise;
  }

  async #tellGathered(): Promise<void> {
    while (this.#untold.length > 0) {
      let size = 0;
      const tooLong = this.#untold.findIndex((one, index) => (size += one.size) > MAX_CONTENT && index > 0);
      const batch = this.#untold.splice(0, tooLong === -1 ? this.#untold.length : tooLong);
      try {
        await this.tellAll(...batch.map(({ request }) => request));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
  }

  /** Serves what other replicas ask. `take` may be slow: back-pressure is its to make. */
  async serve(take: (request: ReplicaRequest, from: string) => Promise<boolean>): Promise<Unsubscribe> {
    const { messaging, replica, onProblem } = this.#options;
    const stopServing = await messaging.peers.serve(replica, async (text) => {
      const asked = this.#open('request', text);
      const request = ReplicaRequest.safeParse(asked?.content).data;
      // Silence: whoever cannot seal learns nothing.
      if (asked === undefined || request === undefined) return '';
      return this.#seal('reply', asked.from, { taken: await take(request, asked.from) }, asked.nonce).text;
    });
    const stopListening = await messaging.broadcast.subscribe(subjects.allGateways, (text) => {
      const told = typeof text === 'string' ? this.#open('request', text, undefined, EVERYBODY) : undefined;
      if (told === undefined || told.from === replica) return;
      for (const one of Told.safeParse(told.content).data ?? []) {
        const request = ReplicaRequest.safeParse(one).data;
        if (request === undefined) onProblem?.('replica_message_unknown'); // of another version of ours
        else take(request, told.from).catch((error: unknown) => onProblem?.('replica_message_failed', error));
      }
    });
    return async () => {
      await stopServing();
      await stopListening();
    };
  }

  #seal(
    direction: 'request' | 'reply',
    to: string,
    content: unknown,
    answers?: string,
  ): { readonly text: string; readonly nonce: string } {
    const { sealer, replica, clock } = this.#options;
    const nonce = answers ?? randomBytes(16).toString('base64url');
    const sealed = sealer.seal('replica-message', { nonce, issuedAt: clock(), content }, [direction, replica, to]);
    return { text: JSON.stringify({ from: replica, sealed }), nonce };
  }

  /** @param answers the nonce a reply must carry; a request's own must be new. */
  #open(
    direction: 'request' | 'reply',
    text: string,
    answers?: string,
    to = this.#options.replica,
  ): { readonly from: string; readonly nonce: string; readonly content: unknown } | undefined {
    const { sealer, clock, onProblem } = this.#options;
    const wire = Wire.safeParse(parsed(text)).data;
    const opened =
      wire && Sealed.safeParse(sealer.open('replica-message', wire.sealed, [direction, wire.from, to])).data;
    if (wire === undefined || opened === undefined) {
      onProblem?.('replica_message_not_ours');
      return undefined;
    }
    const { nonce, issuedAt, content } = opened;
    const isNew = direction === 'reply' ? nonce === answers : this.#seen.get(nonce) === undefined;
    if (!isNew || Math.abs(clock() - issuedAt) > FRESH_MS) {
      onProblem?.('replica_message_replayed');
      return undefined;
    }
    if (direction === 'request') this.#seen.set(nonce, true);
    return { from: wire.from, nonce, content };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // not ours: the caller says so
  }
}
