import type { RecordRoom } from '@sallyport/event-spool';
import type { JsonSource } from '@sallyport/kernel/json';
import type { CallRecord } from '@sallyport/messages';
import type { Caller, Decision } from '@sallyport/policy';
import type { Span } from '@sallyport/telemetry';
import type { JsonObject } from '@sallyport/mcp-relay';
import type { CallContent } from './call-content.js';
import type { CredentialLease } from '../outbound/credential-leases.js';
import type { Answer } from '../protocol/exchange.js';
import type { EndReason } from '../protocol/refusal.js';

type Facts = {
  readonly [
    K in keyof Omit<
      CallRecord,
      'v' | 'type' | 'id' | 'replica' | 'receivedAt' | 'durationMs' | 'httpStatus' | 'responseBytes' | 'address'
    >
  ]?: CallRecord[K] | undefined;
};

/** What is known of one call, for its record (R74). */
export interface CallFacts extends Facts {
  /** For its record, set aside before anything was done. */
  readonly room?: RecordRoom | undefined;
  /** What the client hears in place of the answer, should the call have run and its record not be written. */
  readonly withheld?: ((recordId: string) => Answer) | undefined;
  /** Of the call, where traces are on; it ends with the record. */
  readonly span?: Span | undefined;
  /** What it was asked with and answered, where policy lets that be recorded. */
  readonly content?: CallContent | undefined;
}

/**
 * Notes what each step of the path found out about one call. The record is made of the notes, at the end and nowhere
 * else: no step reads what another one noted.
 */
export class CallNotes {
  readonly #facts: CallFacts;
  /** Since when the server has the call, by the clock of `performance.now()`. */
  #sentAt: number | undefined;

  constructor(facts: CallFacts = {}) {
    this.#facts = { ...facts };
  }

  get facts(): CallFacts {
    return this.#facts;
  }

  /** Notes for another call of the same exchange, with what is known so far. */
  copy(): CallNotes {
    return new CallNotes(this.#facts);
  }

  /** The token's subject and agent: from here on the record has a user (R75). */
  authenticated({ userId, trustProvider, clientId, agentName, sid }: Caller): void {
    this.#add({ userId, trustProvider, clientId, agentName, sid });
  }

  /** The policies that decided, whatever they said (R29). */
  decided({ policies, revision }: Pick<Decision, 'policies' | 'revision'>): void {
    this.#add({ policies, policyRevision: revision });
  }

  /** The message, in the client's words. */
  read({ json }: JsonSource): void {
    this.#add({ requestBytes: Buffer.byteLength(json) });
  }

  asked(request: Pick<CallFacts, 'method' | 'protocolVersion' | 'traceId'>): void {
    this.#add(request);
  }

  /** From here on the call is in a trace, which its record names. */
  traced(span: Span): void {
    this.#add({ span, traceId: span.traceId });
  }

  target(target: Pick<CallFacts, 'server' | 'target' | 'definition'>): void {
    this.#add(target);
  }

  leased({ connectionId }: CredentialLease): void {
    this.#add({ connectionId: connectionId ?? undefined });
  }

  /** From here on time is the server's. */
  sent(): void {
    this.#sentAt ??= performance.now();
  }

  /** What the server had to say is there: time is ours again, until something else is sent. */
  heard(): void {
    if (this.#sentAt === undefined) return;
    const upstreamMs = (this.#facts.upstreamMs ?? 0) + performance.now() - this.#sentAt;
    this.#add({ upstreamMs: Math.round(upstreamMs * 1000) / 1000 });
    this.#sentAt = undefined;
  }

  /** What may be recorded of its content from here on; nothing of it where there is none. */
  records(content: CallContent | undefined): void {
    if (content !== undefined || this.#facts.content !== undefined) this.#add({ content });
  }

  /** The server is asked with this credential. */
  askedWith(lease: CredentialLease): void {
    this.#facts.content?.asked(lease);
    this.sent();
  }

  /** The server's result, for this client; none where it is passed on as it comes. */
  resulted(result: JsonObject | undefined, lease: CredentialLease): void {
    if (result?.['isError'] === true) this.#add({ isToolError: true });
    if (result === undefined) this.#facts.content?.answeredInPieces();
    else this.#facts.content?.answered(result, lease);
  }

  /** Why, in a word for administrators; the type of a refusal comes in front of it. */
  because(reason: string): void {
    this.#add({ reason });
  }

  /** Before anything is done: where the record goes, and what the client hears should it not get there. */
  setAside(room: RecordRoom): void {
    this.#add({ room });
  }

  /** @param answer words what the client hears then, of a call that is done or of one that was ended */
  unlessRecorded(answer: (recordId: string, isDone: boolean) => Answer): void {
    this.#add({ withheld: (recordId) => answer(recordId, this.#facts.reason === undefined) });
  }

  refused({ decision, reason }: Pick<CallFacts, 'decision' | 'reason'>, { errorCode }: Answer): void {
    const before = this.#facts.reason;
    this.#add({
      decision,
      reason: before === undefined || reason === undefined ? reason : `${reason}:${before}`,
      errorCode,
    });
  }

  /** It was answered: as allowed, unless something else was decided on the way. */
  answered(): void {
    if (this.#facts.decision === undefined) this.#add({ decision: 'allow' });
  }

  ended(reason: EndReason): void {
    this.heard();
    this.#addIfNone(`ended:${reason}`);
  }

  /** Something broke, or the client went away, before anybody decided. */
  brokeOff(reason: 'client_gone' | 'internal_error'): void {
    this.heard();
    if (this.#facts.decision === undefined) this.#add({ decision: 'invalid' });
    this.#addIfNone(reason);
  }

  /** The answer did not reach its end. */
  notDelivered(): void {
    this.heard();
    this.#addIfNone('client_gone');
  }

  #addIfNone(reason: string): void {
    if (this.#facts.reason === undefined) this.#add({ reason });
  }

  #add(found: CallFacts): void {
    Object.assign(this.#facts, found);
  }
}

/** Of one exchange: one call, or the elements of a batch, each recorded on its own. */
export class ExchangeNotes extends CallNotes {
  #elements: readonly CallNotes[] | undefined;

  get calls(): readonly CallNotes[] {
    return this.#elements ?? [this];
  }

  /** From here on the exchange is recorded as so many calls, each with what is known so far. */
  split(count: number): readonly CallNotes[] {
    return (this.#elements = Array.from({ length: count }, () => this.copy()));
  }
}
