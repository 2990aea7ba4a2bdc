export type Unsubscribe = () => Promise<void>;

/** Something worth a log line; the bus has already done what there is to do about it. */
export type MessagingProblem =
  | 'listener-failed'
  | 'handler-failed'
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
  /** Appends a base in chunks. Nobody sees a base that lacks a chunk: `follow` starts at the newest complete one. */
  appendBase(revision: number, chunks: readonly string[]): Promise<void>;
  /**
   * Reads what is stored last: the newest change and the newest piece of a base, as far as there are any. The control
   * plane reads it before it appends, to see whether the log knows more than it does.
   */
  newest(): Promise<readonly string[]>;
  /** Sends a heartbeat to whoever follows now. It is not stored. */
  heartbeat(jws: string): Promise<void>;
  /**
   * Delivers the newest base, every change it does not contain, then live entries and heartbeats, in order, one at a
   * time: the next entry waits for the listener's promise. Survives reconnects. `restart()` on the returned handle
   * starts over from the newest base, which a replica asks for after a gap. After a listener that rejects, the log
   * starts over by itself, a second later.
   */
  follow(listener: (jws: string) => void | Promise<void>): Promise<{ restart(): Promise<void>; stop: Unsubscribe }>;
}

/** What one replica published at once. */
export interface EventBatch {
  /** The bus says so: nobody else can publish under this name. */
  readonly replica: string;
  /** What arrived, unchecked. */
  readonly records: readonly unknown[];
  /** Batches that wait behind this one. */
  readonly waiting: number;
}

/** Durable, at-least-once, in batches: a published batch is safe once the promise resolves. */
export interface EventStream {
  publish(replica: string, records: readonly unknown[]): Promise<void>;
  /**
   * Publishes records that are JSON already, as they are: whole lines, each with its newline. They are read before the
   * promise settles, and not after. A line that is no JSON would make the batch unreadable, and lost.
   */
  publishLines(replica: string, lines: Buffer): Promise<void>;
  /**
   * One control plane at a time. It begins with what nobody acknowledged yet. What waits is delivered together, up to
   * about a megabyte, in the order of its arrival, and acknowledged when the handler resolves. When it rejects, each
   * batch is delivered by itself, and one that fails then too comes again later, before those that its publisher
   * published after it.
   */
  consume(handler: EventHandler): Promise<Unsubscribe>;
}

export type EventHandler = (batches: readonly EventBatch[]) => Promise<void>;

/** Reaches whoever listens to the subject now; nothing is kept, and nobody answers. */
export interface Broadcast {
  publish(subject: string, payload: unknown): Promise<void>;
  /**
   * @param subject as it is published to; one that ends in `.>` means all that begin like it
   * @param listener also told what subject a message was published to: the bus knows who may
   */
  subscribe(subject: string, listener: BroadcastListener): Promise<Unsubscribe>;
}
export type BroadcastListener = (payload: unknown, subject: string) => void;

/**
 * Replica to replica: one answer per question, both opaque text. The bus does not say who speaks: the gateways seal
 * what they say to each other.
 */
export interface Peers {
  /**
   * @throws MessagingError `messaging_no_responder` (at once, when that replica is not there), `messaging_timeout`,
   * `messaging_unavailable`, `messaging_too_large`
   */
  ask(replica: string, question: string, options: { readonly timeoutMs: number }): Promise<string>;
  /** Answers what is asked of this replica. A handler that rejects gives no answer. */
  serve(replica: string, handler: (question: string) => Promise<string>): Promise<Unsubscribe>;
}

/** Answers one request; when it throws, the asker hears only that the request failed. */
export type RequestHandler = (payload: unknown) => unknown;

/** Request and reply: one answer to one request. */
export interface Requests {
  /**
   * Asks one of those that serve `subject`, and tells it how long this asker waits (`Waiting`). The answer is what
   * arrived, unchecked: parse it with its schema.
   * @throws MessagingError `messaging_no_responder` (at once), `messaging_timeout`, `messaging_unavailable` (the
   * connection is down), `messaging_request_failed` (the handler threw), `messaging_too_large`
   */
  request(subject: string, payload: object, options: { readonly timeoutMs: number }): Promise<unknown>;
  /**
   * Answers what arrives on `subject`; replicas of one role share the requests. A payload is unchecked: the handler
   * parses it. The returned function stops serving, and gives the handlers that run a moment to finish.
   */
  serve(subject: string, handler: RequestHandler): Promise<Unsubscribe>;
}

/** What one process holds of the bus. */
export interface Messaging extends Requests {
  readonly kind: 'nats' | 'in-process';
  readonly configuration: ConfigurationLog;
  readonly events: EventStream;
  readonly broadcast: Broadcast;
  readonly peers: Peers;
  /** Whether the bus refuses this process to listen to a subject. In one process nothing is refused. */
  refuses(subject: string): Promise<boolean>;
  /** False while the connection is down; readiness reports it. */
  connected(): boolean;
  /** How often the connection was made: when it rises, what the bus had kept may be gone. */
  connections(): number;
  close(): Promise<void>;
}
