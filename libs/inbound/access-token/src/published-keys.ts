import { importJWK } from 'jose';
import type { CryptoKey } from 'jose';
import { z } from 'zod';
import type { Clock } from '@sallyport/kernel';

const KeySet = z.object({ keys: z.array(z.looseObject({ kid: z.string().optional(), kty: z.string().optional() })).max(64) });
const EcPublicKey = z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string(), y: z.string(), kid: z.string(), alg: z.literal('ES256').optional(), use: z.literal('sig').optional() });
type EcPublicKey = z.infer<typeof EcPublicKey>;

const MAX_BYTES = 256 * 1024;

export interface PublishedKeysOptions {
  readonly url: string;
  readonly fetch: (url: string, init: { headers: Record<string, string>; redirect: 'error'; signal: AbortSignal }) => Promise<Response>;
  readonly clock: Clock;
  /** Only keys whose id starts so are taken in; the same document also publishes keys for other purposes (S6). */
  readonly kidPrefix: string;
  /** At most one reload per this many milliseconds, whoever asks. */
  readonly cooldownMs?: number;
  /** Reloaded in the background when older than this; what is there stays in use meanwhile. */
  readonly maxAgeMs?: number;
  readonly timeoutMs?: number;
}

/**
 * The authorization server's public keys (RFC 7517), ES256 only. A failed load keeps what was there, so that tokens
 * verify through an outage of the authorization server; an unknown key id reloads, throttled.
 */
export class PublishedKeys {
  readonly #options: Required<PublishedKeysOptions>;
  #keys = new Map<string, { key: CryptoKey; material: string }>();
  #loadedAt: number | undefined;
  #attemptedAt: number | undefined;
  #loading: Promise<void> | undefined;
  #lastError: string | undefined;
  readonly #withdrawn = new Set<(kids: ReadonlySet<string>) => void>();

  constructor(options: PublishedKeysOptions) {
    this.#options = { cooldownMs: 5_000, maxAgeMs: 300_000, timeoutMs: 5_000, ...options };
  }

  /** False until a key set was loaded once: before that a token cannot be called bad, only unverifiable. */
  get loaded(): boolean {
    return this.#loadedAt !== undefined;
  }

  /** Why the last load failed, in words for a log; `undefined` when it did not. */
  get lastError(): string | undefined {
    return this.#lastError;
  }

  /** Called with key ids that are gone or stand for another key now. */
  onWithdrawn(listener: (kids: ReadonlySet<string>) => void): void {
    this.#withdrawn.add(listener);
  }

  has(kid: string): boolean {
    return this.#keys.has(kid);
  }

  /** The key, after at most one (shared, throttled) reload. */
  async find(kid: string): Promise<CryptoKey | undefined> {
    const known = this.#keys.get(kid);
    if (known !== undefined) return known.key;
    await this.reload();
    return this.#keys.get(kid)?.key;
  }

  /** Starts a reload when the set has grown old; never waits and never fails. */
  refreshWhenOld(): void {
    if (this.#loadedAt !== undefined && this.#options.clock() - this.#loadedAt > this.#options.maxAgeMs) void this.reload();
  }

  /** Resolves also when the load failed; see `lastError`. */
  reload(): Promise<void> {
    if (this.#loading !== undefined) return this.#loading;
    const now = this.#options.clock();
    if (this.#attemptedAt !== undefined && now - this.#attemptedAt < this.#options.cooldownMs) return Promise.resolve();
    this.#attemptedAt = now;
    this.#loading = this.#load()
      .then(() => { this.#lastError = undefined; }, (error: unknown) => { this.#lastError = error instanceof Error ? error.message : String(error); })
      .finally(() => { this.#loading = undefined; });
    return this.#loading;
  }

  async #load(): Promise<void> {
    const { url, fetch, timeoutMs, kidPrefix, clock } = this.#options;
    const response = await fetch(url, { headers: { accept: 'application/json' }, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) throw new Error(`the key set answered ${response.status}`);
    const text = await response.text();
    if (text.length > MAX_BYTES) throw new Error('the key set is too large');
    const next = new Map<string, { key: CryptoKey; material: string }>();
    for (const candidate of KeySet.parse(JSON.parse(text)).keys) {
      const parsed = EcPublicKey.safeParse(candidate);
      if (!parsed.success || !parsed.data.kid.startsWith(kidPrefix)) continue;
      const imported = await importPublicKey(parsed.data);
      if (imported !== undefined) next.set(parsed.data.kid, { key: imported, material: `${parsed.data.x}.${parsed.data.y}` });
    }
    const gone = new Set([...this.#keys].filter(([kid, { material }]) => next.get(kid)?.material !== material).map(([kid]) => kid));
    this.#keys = next;
    this.#loadedAt = clock();
    if (gone.size > 0) for (const listener of this.#withdrawn) listener(gone);
  }
}

async function importPublicKey({ kty, crv, x, y }: EcPublicKey): Promise<CryptoKey | undefined> {
  try {
    const key = await importJWK({ kty, crv, x, y }, 'ES256');
    return key instanceof Uint8Array ? undefined : key;
  } catch {
    return undefined; // a point that is not on the curve: one bad key must not hide the good ones
  }
}
