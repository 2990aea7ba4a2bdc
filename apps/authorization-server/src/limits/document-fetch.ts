import { BoundedMap, SallyportError, type Clock } from '@sallyport/kernel';
import type { Refusal } from './budget.js';
import type { RequestLimits } from './request-limits.js';

type Fetch = typeof globalThis.fetch;
interface Answer {
  readonly at: number;
  /** A function that makes it anew: a response can be read once. */
  readonly give: () => Response;
  readonly bytes: number;
}

const REMEMBER_MS = 30_000;
const MOST_ANSWERS = 1_000;
const MOST_BYTES = 8 * 1_048_576;
const AT_ONCE = 32;
const AT_ONCE_PER_HOST = 4;

/**
 * Fetches what agents name (metadata documents, key sets), so that nobody can make us call somebody, or wait for them,
 * more than a little: one request per URL at a time, few at once and per minute, altogether and per host, and every
 * answer, above all every failure, is remembered for half a minute.
 */
export class DocumentFetch {
  readonly #fetch: Fetch;
  readonly #limits: Pick<RequestLimits, 'documentSpent' | 'chargeDocument'>;
  readonly #clock: Clock;
  readonly #answers = new BoundedMap<string, Answer>(MOST_ANSWERS, { of: ({ bytes }) => bytes, limit: MOST_BYTES });
  readonly #running = new Map<string, Promise<Answer>>();

  constructor({ fetch, limits, clock }: { fetch: Fetch; limits: Pick<RequestLimits, 'documentSpent' | 'chargeDocument'>; clock: Clock }) {
    this.#fetch = fetch;
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Why this URL cannot be fetched now, while it may be later. */
  refusal(url: string): Refusal | undefined {
    if (this.#running.has(url) || this.#remembered(url)) return undefined;
    const host = hostOf(url);
    const busy = this.#running.size >= AT_ONCE || [...this.#running.keys()].filter((other) => hostOf(other) === host).length >= AT_ONCE_PER_HOST;
    return busy ? { retryAfterSeconds: 3 } : this.#limits.documentSpent(host);
  }

  /** Rejects with SallyportError `document_not_now` when `refusal` says so, and otherwise as the fetch does. */
  readonly fetch: Fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const refusal = this.refusal(url);
    if (refusal) throw new SallyportError('document_not_now', 'Too many documents are being fetched.', { detail: { url } });
    const known = this.#remembered(url) ?? (await (this.#running.get(url) ?? this.#start(url, init)));
    return known.give();
  };

  #start(url: string, init: RequestInit | undefined): Promise<Answer> {
    this.#limits.chargeDocument(hostOf(url));
    const running = this.#answer(url, init).finally(() => this.#running.delete(url));
    this.#running.set(url, running);
    return running;
  }

  async #answer(url: string, init: RequestInit | undefined): Promise<Answer> {
    let give: Answer['give'];
    let bytes = 0;
    try {
      const response = await this.#fetch(url, init);
      const body = await response.arrayBuffer();
      bytes = body.byteLength;
      const { status, headers } = response;
      give = () => new Response(status === 200 ? body : null, { status, headers });
    } catch (error) {
      give = () => {
        throw error;
      };
    }
    const answer = { at: this.#clock(), give, bytes };
    this.#answers.set(url, answer);
    return answer;
  }

  #remembered(url: string): Answer | undefined {
    const answer = this.#answers.get(url);
    return answer && this.#clock() - answer.at < REMEMBER_MS ? answer : undefined;
  }
}

const hostOf = (url: string): string => URL.parse(url)?.hostname ?? '';
