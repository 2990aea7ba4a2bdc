import { importJWK } from 'jose';
import type { CryptoKey } from 'jose';
import { z } from 'zod';
import { steady } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import { keySetOf, readPublished } from './key-set.js';
import { Renewed } from './renewed.js';

const KeySet = keySetOf(z.looseObject({ kid: z.string().optional(), kty: z.string().optional() }));
const use = z.literal('sig').optional();
/** A key signs by one algorithm, its own: RSA keys could do several and have to say which (RFC 8725 section 3.1). */
const SigningKey = z.discriminatedUnion('kty', [
  z.object({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: z.string(),
    y: z.string(),
    kid: z.string(),
    alg: z.literal('ES256').default('ES256'),
    use,
  }),
  z.object({
    kty: z.literal('OKP'),
    crv: z.literal('Ed25519'),
    x: z.string(),
    kid: z.string(),
    alg: z.literal('EdDSA').default('EdDSA'),
    use,
  }),
  /** 2048 to 4096 bits: a shorter one is weak, a longer one is work for whoever verifies. */
  z.object({
    kty: z.literal('RSA'),
    n: z.string().min(342).max(684),
    e: z.literal('AQAB'),
    kid: z.string(),
    alg: z.literal('RS256'),
    use,
  }),
]);
type SigningKey = z.infer<typeof SigningKey>;

/** What our authorization server can be told to sign with. */
export const SIGNING_ALGORITHMS = ['ES256', 'RS256', 'EdDSA'] as const satisfies readonly SigningKey['alg'][];

export interface PublishedKey {
  readonly key: CryptoKey;
  /** The only one this key verifies, whatever a token's header says. */
  readonly algorithm: SigningKey['alg'];
}
interface KnownKey extends PublishedKey {
  readonly material: string;
}

/** Between two reloads while the set holds a withdrawn key: its successor is there any moment now. Milliseconds. */
const OUTDATED_COOLDOWN_MS = 250;
/** How often such a set is asked for again before a token that may be the successor's is called bad. */
const OUTDATED_RELOADS = 3;

export interface PublishedKeysOptions {
  readonly url: string;
  readonly fetch: (
    url: string,
    init: { headers: Record<string, string>; redirect: 'error'; signal: AbortSignal },
  ) => Promise<Response>;
  readonly clock: Clock;
  /** Only keys whose id starts so are taken in; the same document also publishes keys for other purposes (S6). */
  readonly kidPrefix: string;
  /** At most one reload per this many milliseconds, whoever asks. */
  readonly cooldownMs?: number;
  /** Reloaded in the background when older than this; what is there stays in use meanwhile. */
  readonly maxAgeMs?: number;
  readonly timeoutMs?: number;
}

type KeysById = ReadonlyMap<string, KnownKey>;

/**
 * The authorization server's public keys (RFC 7517), each for the algorithm it was published with. A load that fails
 * keeps the keys that were there, so that tokens verify through an outage of the authorization server. An unknown key
 * id causes a reload, throttled.
 */
export class PublishedKeys {
  readonly #options: Required<PublishedKeysOptions>;
  readonly #set: Renewed<KeysById>;
  #pausing: Promise<void> | undefined;
  readonly #withdrawn = new Set<(kids: ReadonlySet<string>) => void>();

  constructor(options: PublishedKeysOptions) {
    this.#options = { cooldownMs: 5_000, maxAgeMs: 300_000, timeoutMs: 5_000, ...options };
    this.#set = new Renewed({
      load: () => this.#load(),
      clock: steady(options.clock),
      cooldownMs: this.#options.cooldownMs,
      onLoaded: (keys, previous = new Map()) => this.#tellWithdrawn(previous, keys),
    });
  }

  /** False until a key set was loaded once: before that a token cannot be called bad, only unverifiable. */
  get loaded(): boolean {
    return this.#set.value !== undefined;
  }

  /** Why the last load failed, in words for a log; `undefined` when it did not. */
  get lastError(): string | undefined {
    const { failure } = this.#set;
    return failure && (failure.cause instanceof Error ? failure.cause.message : String(failure.cause));
  }

  /** Called with key ids that are gone or stand for another key now. */
  onWithdrawn(listener: (kids: ReadonlySet<string>) => void): void {
    this.#withdrawn.add(listener);
  }

  has(kid: string): boolean {
    return this.#set.value?.has(kid) ?? false;
  }

  /**
   * The key, after at most one (shared, throttled) reload.
   * @param isWithdrawn known from elsewhere: a set that still holds such a key is outdated, and reloaded with less
   * patience
   */
  async find(kid: string, isWithdrawn: (kid: string) => boolean = () => false): Promise<PublishedKey | undefined> {
    const isOutdated = (): boolean => !this.has(kid) && [...(this.#set.value?.keys() ?? [])].some(isWithdrawn);
    if (!this.has(kid)) await this.reload(isOutdated() ? OUTDATED_COOLDOWN_MS : undefined);
    for (let again = 0; again < OUTDATED_RELOADS && isOutdated(); again++) {
      await this.#pause();
      if (isOutdated()) await this.reload(0);
    }
    return this.#set.value?.get(kid);
  }

  /** Shared by all who wait. */
  #pause(): Promise<void> {
    this.#pausing ??= new Promise<void>((resolve) => setTimeout(resolve, OUTDATED_COOLDOWN_MS).unref()).finally(() => {
      this.#pausing = undefined;
    });
    return this.#pausing;
  }

  /** Starts a reload when the set has grown old; never waits and never fails. */
  refreshWhenOld(): void {
    if (this.loaded && this.#set.ageMs > this.#options.maxAgeMs) void this.reload();
  }

  /** Resolves also when the load failed; see `lastError`. */
  reload(cooldownMs?: number): Promise<void> {
    return this.#set.renew(cooldownMs);
  }

  async #load(): Promise<KeysById> {
    const { url, fetch, timeoutMs, kidPrefix } = this.#options;
    const response = await fetch(url, {
      headers: { accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const keys = new Map<string, KnownKey>();
    for (const candidate of KeySet.parse(await readPublished(response, 'the key set')).keys) {
      const parsed = SigningKey.safeParse(candidate);
      if (!parsed.success || !parsed.data.kid.startsWith(kidPrefix)) continue;
      const known = await importPublicKey(parsed.data);
      if (known !== undefined) keys.set(parsed.data.kid, known);
    }
    return keys;
  }

  #tellWithdrawn(previous: KeysById, keys: KeysById): void {
    const gone = new Set(
      [...previous].filter(([kid, { material }]) => keys.get(kid)?.material !== material).map(([kid]) => kid),
    );
    if (gone.size > 0) for (const listener of this.#withdrawn) listener(gone);
  }
}

async function importPublicKey({
  kid: _kid,
  use: _use,
  alg: algorithm,
  ...jwk
}: SigningKey): Promise<KnownKey | undefined> {
  try {
    const key = await importJWK(jwk, algorithm);
    return key instanceof Uint8Array ? undefined : { key, algorithm, material: JSON.stringify([algorithm, jwk]) };
  } catch {
    return undefined; // a point that is not on the curve: one bad key must not hide the good ones
  }
}
