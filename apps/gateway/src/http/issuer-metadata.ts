import { SallyportError, type Clock, SingleFlight } from '@sallyport/kernel';
import type { JsonObject } from '@sallyport/mcp-relay';
import { z } from 'zod';

/** How long a document is given out before it is asked for anew, and how soon after a failure. */
const FRESH_MS = 60_000;
const FAILED_MS = 5_000;
/** While it cannot be had, the last one is given out for so long. */
const SERVES_MS = 3_600_000;

interface Known {
  readonly at: number;
  readonly document: JsonObject;
}

/**
 * What our authorization server publishes about itself (RFC 8414), for agents of 2025-03-26: those look for it at the
 * gateway's origin and know no RFC 9728. Whoever asks, it is fetched once a minute at most.
 */
export class IssuerMetadata {
  readonly #url: string;
  readonly #issuer: string;
  readonly #fetch: typeof globalThis.fetch;
  readonly #clock: Clock;
  #known: Known | undefined;
  #failedAt = -Infinity;
  readonly #renewing = new SingleFlight<string, void>();

  /** @param parts `url`: where its document can be reached from here */
  constructor(parts: { url: string; issuer: string; fetch: typeof globalThis.fetch; clock: Clock }) {
    this.#url = parts.url;
    this.#issuer = parts.issuer;
    this.#fetch = parts.fetch;
    this.#clock = parts.clock;
  }

  /** @returns undefined when it cannot be had now */
  async read(): Promise<JsonObject | undefined> {
    const now = this.#clock();
    const isDue = !this.#known || Math.abs(now - this.#known.at) >= FRESH_MS;
    if (isDue && Math.abs(now - this.#failedAt) >= FAILED_MS) await this.#renewing.run(this.#url, () => this.#renew());
    return this.#known && Math.abs(this.#clock() - this.#known.at) < SERVES_MS ? this.#known.document : undefined;
  }

  async #renew(): Promise<void> {
    const document = await this.#ask().catch((error: unknown) => {
      if (error instanceof SallyportError || error instanceof SyntaxError) return undefined;
      throw error;
    });
    if (document) this.#known = { at: this.#clock(), document };
    this.#failedAt = document ? -Infinity : this.#clock();
  }

  async #ask(): Promise<JsonObject | undefined> {
    const answer = await this.#fetch(this.#url, { headers: { accept: 'application/json' } });
    if (answer.status !== 200) return undefined;
    const parsed = Metadata.safeParse(await answer.json());
    return parsed.success && parsed.data.issuer === this.#issuer ? parsed.data : undefined;
  }
}

const Metadata = z.looseObject({ issuer: z.string(), authorization_endpoint: z.string(), token_endpoint: z.string() });
