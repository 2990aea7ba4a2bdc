import type { ClientProxy, CustomTransportStrategy, MicroserviceOptions } from '@nestjs/microservices';

export type Unsubscribe = () => Promise<void>;

/** Something worth a log line; the bus has already done what there is to do about it. */
export type MessagingProblem =
  | 'listener-failed'
  | 'consumer-failed'
  | 'undecodable-message'
  | 'not-permitted'
  | 'disconnected'
  | 'reconnected'
  | 'catch-up-failed';
export type MessagingProblemListener = (problem: MessagingProblem, error?: unknown) => void;

/** An ordered, durable log of signed entries (compact JWS). Only the control plane may append. */
export interface ConfigurationLog {
  /** Appends a change set. `revision` makes the append idempotent: a second one with the same revision is dropped. */
  appendChange(revision: number, jws: string): Promise<void>;
  /** Appends a complete base, all chunks or none visible as one: `follow` starts at the newest complete base. */
  appendBase(revision: number, chunks: readonly string[]): Promise<void>;
  /** What is stored last: the newest change and the newest piece of a base, as far as there are any. For who appends, to see whether the log knows more than it does. */
  newest(): Promise<readonly string[]>;
  /** Not stored. */
  heartbeat(jws: string): Promise<void>;
  /**
   * Delivers the newest base, every change it does not contain, then live entries and heartbeats, in order, one at a time (the next
   * entry waits for the listener's promise). Survives reconnects. `restart()` on the returned handle starts over from
   * the newest base: what a replica asks for after a gap; so does a listener that rejects, after a second.
   */
  follow(listener: (jws: string) => void | Promise<void>): Promise<{ restart(): Promise<void>; stop: Unsubscribe }>;
}

/** Durable, at-least-once, in batches: a published batch is safe once the promise resolves. */
export interface EventStream {
  publish(replica: string, records: readonly unknown[]): Promise<void>;
  /** Control plane only. A batch is acknowledged when the handler resolves and delivered again when it rejects. */
  consume(handler: (replica: string, records: readonly unknown[]) => Promise<void>): Promise<Unsubscribe>;
}

/** Fire and forget to whoever listens now. */
export interface Broadcast {
  publish(subject: string, payload: unknown): Promise<void>;
  subscribe(subject: string, listener: (payload: unknown) => void): Promise<Unsubscribe>;
}

/** Replica to replica: one answer per question, both opaque text. Who speaks is not vouched for here; see the sealing in the gateway. */
export interface Peers {
  /** @throws SallyportError `messaging_no_responder` (at once, when that replica is not there), `messaging_timeout`, `messaging_unavailable`, `messaging_too_large` */
  ask(replica: string, question: string, options: { readonly timeoutMs: number }): Promise<string>;
  /** Answers what is asked of this replica. A handler that rejects gives no answer. */
  serve(replica: string, handler: (question: string) => Promise<string>): Promise<Unsubscribe>;
}

/** What one process holds of the bus. */
export interface Messaging {
  readonly kind: 'nats' | 'in-process';
  readonly configuration: ConfigurationLog;
  readonly events: EventStream;
  readonly broadcast: Broadcast;
  readonly peers: Peers;
  /** Nest's client for request/reply. Rejects within `timeoutMs` of the caller's own rxjs `timeout`. */
  client(): ClientProxy;
  /** Options for `app.connectMicroservice()`; replicas of one service share its queue group. */
  server(queueGroup: string): MicroserviceOptions | { strategy: CustomTransportStrategy };
  /** False while the connection is down; readiness reports it. */
  connected(): boolean;
  /** How often the connection was made: when it rises, what the bus had kept may be gone. */
  connections(): number;
  close(): Promise<void>;
}
