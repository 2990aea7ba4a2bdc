import { BoundedMap, hasCode, SallyportError, type Clock } from '@sallyport/kernel';
import type { Refusal } from './refusal.js';
import type { DocumentAsker, RequestLimits } from './request-limits.js';

type Fetch = typeof globalThis.fetch;
interface Answer {
  readonly at: number;
  /** A function that makes it anew: a response can be read once. */
  readonly give: () => Response;
  readonly bytes: number;
  /** An answer of which something can be made; else why there is none: not now, or not at all. */
  readonly outcome: 'document' | 'unreachable' | 'refused';
}
/** For which agent, and for whom. */
export interface DocumentWish {
  readonly clientId: string;
  readonly address: string;
}

const REMEMBER_MS = 30_000;
/** How long a known document goes on serving while it cannot be fetched. */
const SERVES_MS = 24 * 3_600_000;
const MOST_ANSWERS = 1_000;
const MOST_BYTES = 8 * 1_048_576;
const AT_ONCE = 32;
const AT_ONCE_PER_HOST = 4;
const AT_ONCE_PER_ADDRESS = 8;
const BUSY_SECONDS = 3;
const IN_USE_MS = 60_000;
const NOT_IN_USE_MS = 5_000;
/** RFC 9110 section 15.5.16, as which a page counts that whoever stands in for the host answers with status 200. */
const NO_DOCUMENT = 415;
/** The host is there, and will not say now: RFC 9110 section 15. Some answer fetchers 403 that they take for robots. */
const NOT_NOW = (status: number): boolean => status >= 500 || [401, 403, 408, NO_DOCUMENT, 425, 429].includes(status);

/**
 * What is remembered and under way for one kind of asker. Agents that are in use have theirs, so that whoever names
 * others can neither take their place nor push their documents out (S32).
 */
class Lane {
  readonly answers = memory();
  /** The last answer of each URL of which something could be made. */
  readonly documents = memory();
  readonly running = new Map<
    string,
    { readonly answer: Promise<Answer>; readonly host: string; readonly address: string }
  >();

  /** Why no more is begun: for everybody and for this host, or only for this address. */
  busy(host: string, address: string | undefined): Refusal | undefined {
    const count = (is: (flight: { host: string; address: string }) => boolean) =>
      [...this.running.values()].filter(is).length;
    if (this.running.size >= AT_ONCE || count((flight) => flight.host === host) >= AT_ONCE_PER_HOST)
      return { retryAfterSeconds: BUSY_SECONDS, isCommon: true };
    return address !== undefined && count((flight) => flight.address === address) >= AT_ONCE_PER_ADDRESS
      ? { retryAfterSeconds: BUSY_SECONDS }
      : undefined;
  }
}

/**
 * Fetches what agents name (metadata documents, key sets), so that nobody can make us call somebody, or wait for them,
 * more than a little: one request per URL at a time, few at once and per minute, altogether, per host and for one
 * address, and every answer, above all every failure, is remembered for half a minute. What an agent in use was last
 * known by goes on serving while its host cannot be asked.
 */
export class DocumentFetch {
  readonly #fetch: Fetch;
  readonly #limits: Pick<RequestLimits, 'documentSpent' | 'chargeDocument'>;
  readonly #isInUse: (clientId: string) => Promise<boolean>;
  readonly #clock: Clock;
  readonly #inUse = new Lane();
  readonly #others = new Lane();
  readonly #used = new BoundedMap<string, { readonly is: boolean; readonly until: number }>(MOST_ANSWERS);

  /** @param parts `isInUse`: whether somebody let this agent in, and may come back with it */
  constructor(parts: {
    fetch: Fetch;
    limits: Pick<RequestLimits, 'documentSpent' | 'chargeDocument'>;
    isInUse: (clientId: string) => Promise<boolean>;
    clock: Clock;
  }) {
    this.#fetch = parts.fetch;
    this.#limits = parts.limits;
    this.#isInUse = parts.isInUse;
    this.#clock = parts.clock;
  }

  /** Why this URL cannot be had now, while it may be later. */
  async refusal(url: string, wish: DocumentWish): Promise<Refusal | undefined> {
    const isInUse = await this.#knowsInUse(wish.clientId);
    return isInUse && this.#stillServes(url) ? undefined : this.#refusal(url, wish, isInUse);
  }

  /** Rejects with SallyportError `document_not_now` when `refusal` says so, and otherwise as the fetch does. */
  async fetch(url: string, init: RequestInit | undefined, wish: DocumentWish): Promise<Response> {
    const isInUse = await this.#knowsInUse(wish.clientId);
    const known = isInUse ? this.#stillServes(url) : undefined;
    const refusal = this.#refusal(url, wish, isInUse);
    if (refusal && !known)
      throw new SallyportError('document_not_now', 'Too many documents are being fetched.', { detail: { url } });
    if (refusal && known) return known.give();
    const lane = this.#laneOf(isInUse);
    const answer =
      this.#remembered(lane, url) ?? (await (lane.running.get(url)?.answer ?? this.#start(url, init, wish, isInUse)));
    return answer.outcome === 'unreachable' && known ? known.give() : answer.give();
  }

  /**
   * Whether the last answer, a moment ago, says nothing about the agent: its host is away, or what answers is no
   * document.
   */
  async isUnread(url: string, clientId: string): Promise<boolean> {
    return this.#remembered(this.#laneOf(await this.#knowsInUse(clientId)), url)?.outcome === 'unreachable';
  }

  #refusal(url: string, { address }: DocumentWish, isInUse: boolean): Refusal | undefined {
    const lane = this.#laneOf(isInUse);
    if (lane.running.has(url) || this.#remembered(lane, url)) return undefined;
    const host = hostOf(url);
    return (
      lane.busy(host, isInUse ? undefined : address) ?? this.#limits.documentSpent(host, askerOf(isInUse, address))
    );
  }

  #start(url: string, init: RequestInit | undefined, { address }: DocumentWish, isInUse: boolean): Promise<Answer> {
    const lane = this.#laneOf(isInUse);
    const host = hostOf(url);
    const answer = this.#answer(lane, url, init, (wasReached) =>
      this.#limits.chargeDocument(host, askerOf(isInUse, address), wasReached),
    ).finally(() => lane.running.delete(url));
    lane.running.set(url, { answer, host, address });
    return answer;
  }

  async #answer(
    lane: Lane,
    url: string,
    init: RequestInit | undefined,
    charge: (wasReached: boolean) => void,
  ): Promise<Answer> {
    let answer: Answer;
    try {
      const response = await this.#fetch(url, init);
      const body = await response.arrayBuffer();
      const { headers } = response;
      const status = response.status === 200 && !isJson(body) ? NO_DOCUMENT : response.status;
      const give = () => new Response(status === 200 ? body : null, { status, headers });
      answer = {
        at: this.#clock(),
        give,
        bytes: body.byteLength,
        outcome: status === 200 ? 'document' : NOT_NOW(status) ? 'unreachable' : 'refused',
      };
      charge(true);
    } catch (error) {
      const give = () => {
        throw error;
      };
      answer = { at: this.#clock(), give, bytes: 0, outcome: isOurRefusal(error) ? 'refused' : 'unreachable' };
      charge(!isNameUnknown(error));
    }
    lane.answers.set(url, answer);
    if (answer.outcome === 'document') lane.documents.set(url, answer);
    if (answer.outcome === 'refused') for (const each of [this.#inUse, this.#others]) each.documents.delete(url);
    return answer;
  }

  #laneOf(isInUse: boolean): Lane {
    return isInUse ? this.#inUse : this.#others;
  }

  #remembered(lane: Lane, url: string): Answer | undefined {
    const answer = lane.answers.get(url);
    return answer && this.#clock() - answer.at < REMEMBER_MS ? answer : undefined;
  }

  #stillServes(url: string): Answer | undefined {
    // An agent is in use only after its document was read: the first one is among the others'.
    const answer = this.#inUse.documents.get(url) ?? this.#others.documents.get(url);
    return answer && this.#clock() - answer.at < SERVES_MS ? answer : undefined;
  }

  async #knowsInUse(clientId: string): Promise<boolean> {
    const known = this.#used.get(clientId);
    if (known && known.until > this.#clock()) return known.is;
    const is = await this.#isInUse(clientId);
    this.#used.set(clientId, { is, until: this.#clock() + (is ? IN_USE_MS : NOT_IN_USE_MS) });
    return is;
  }
}

function memory(): BoundedMap<string, Answer> {
  return new BoundedMap(MOST_ANSWERS, { of: ({ bytes }) => bytes, limit: MOST_BYTES });
}

function isJson(body: ArrayBuffer): boolean {
  try {
    JSON.parse(Buffer.from(body).toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

const askerOf = (isInUse: boolean, address: string): DocumentAsker => (isInUse ? 'in use' : { address });
const hostOf = (url: string): string => URL.parse(url)?.hostname ?? '';
/** The guard's, which an administrator can lift: a document that may not be fetched does not serve either. */
const isOurRefusal = (error: unknown): boolean =>
  hasCode(error, 'outbound_refused', 'outbound_too_large', 'outbound_encoded', 'outbound_redirected');

function isNameUnknown(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return (
    cause instanceof Error &&
    'code' in cause &&
    [
      'ENOTFOUND',
      'EAI_AGAIN',
      'ENODATA',
      'ESERVFAIL',
      'ETIMEOUT',
      'EBADNAME',
      'ENONAME',
      'EAI_FAIL',
      'EAI_NODATA',
      'EAI_NONAME',
    ].includes(String(cause.code))
  );
}
