import { createLocalJWKSet, errors, type CompactVerifyGetKey } from 'jose';
import { z } from 'zod';
import type { PublicKey } from '@sallyport/configuration';
import { BoundedMap, type Clock } from '@sallyport/kernel';

/** Where the keys of somebody who signs are. The issuer's discovery document says it when nothing else does. */
export interface KeySource {
  readonly issuer: string | undefined;
  readonly jwksUri: string | undefined;
  readonly keys: readonly PublicKey[] | undefined;
  /** A SPIFFE bundle marks its keys otherwise than RFC 7517 does (SPIFFE Trust Domain and Bundle section 4). */
  readonly isSpiffeBundle: boolean;
}

/** Never had them, or not lately: nothing is wrong with what was presented. */
export class KeysUnavailable extends Error {}

const Discovery = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });
const KeySet = z.object({ keys: z.array(z.looseObject({ kty: z.string(), use: z.string().optional() })).max(64) });

const MAX_BYTES = 256 * 1024;
/** Reloaded when older; kept through an outage of the issuer for so long. */
const FRESH_MS = 10 * 60_000;
const USABLE_MS = 60 * 60_000;
/** Whoever asks, and for whatever key: at most one request to an issuer in this time. */
const COOLDOWN_MS = 15_000;
const MAX_SOURCES = 256;

interface Entry {
  find: ReturnType<typeof createLocalJWKSet> | undefined;
  /** Milliseconds since the epoch. */
  loadedAt: number;
  attemptedAt: number;
  loading: Promise<void> | undefined;
}

/**
 * Public keys of identity providers and workload platforms (RFC 7517), remembered per source. An unknown key reloads
 * them, throttled, so that neither a rotation there nor a flood of forged tokens here is anybody's problem.
 */
export class IssuerKeys {
  readonly #fetch: typeof globalThis.fetch;
  readonly #clock: Clock;
  readonly #onProblem: (source: string, cause: unknown) => void;
  readonly #entries = new BoundedMap<string, Entry>(MAX_SOURCES);

  /** @param fetch through the outbound guard */
  constructor({
    fetch,
    clock,
    onProblem,
  }: {
    fetch: typeof globalThis.fetch;
    clock: Clock;
    onProblem: (source: string, cause: unknown) => void;
  }) {
    this.#fetch = fetch;
    this.#clock = clock;
    this.#onProblem = onProblem;
  }

  /** For jose. Rejects with its `JWKSNoMatchingKey` and the like, or with {@link KeysUnavailable}. */
  of(source: KeySource): CompactVerifyGetKey {
    if (source.keys !== undefined) return createLocalJWKSet(keySet({ keys: source.keys }, source.isSpiffeBundle));
    return async (header, token) => {
      const entry = this.#entry(source);
      const now = this.#clock();
      if (now - entry.loadedAt >= FRESH_MS) await this.#reload(entry, source);
      const find = () => {
        if (entry.find === undefined || this.#clock() - entry.loadedAt >= USABLE_MS)
          throw new KeysUnavailable(nameOf(source));
        return entry.find(header, token);
      };
      try {
        return await find();
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        await this.#reload(entry, source);
        return find();
      }
    };
  }

  #entry(source: KeySource): Entry {
    const key = JSON.stringify([source.issuer, source.jwksUri, source.isSpiffeBundle]);
    let entry = this.#entries.get(key);
    if (!entry)
      this.#entries.set(
        key,
        (entry = { find: undefined, loadedAt: -Infinity, attemptedAt: -Infinity, loading: undefined }),
      );
    return entry;
  }

  /** Resolves also when the load failed, or was not due yet. */
  #reload(entry: Entry, source: KeySource): Promise<void> {
    if (entry.loading) return entry.loading;
    const now = this.#clock();
    if (now - entry.attemptedAt < COOLDOWN_MS) return Promise.resolve();
    entry.attemptedAt = now;
    return (entry.loading = this.#load(source)
      .then(
        (find) => {
          entry.find = find;
          entry.loadedAt = now;
        },
        (cause: unknown) => this.#onProblem(nameOf(source), cause),
      )
      .finally(() => (entry.loading = undefined)));
  }

  async #load(source: KeySource): Promise<ReturnType<typeof createLocalJWKSet>> {
    return createLocalJWKSet(
      keySet(await this.#read(source.jwksUri ?? (await this.#discover(source.issuer ?? ''))), source.isSpiffeBundle),
    );
  }

  async #discover(issuer: string): Promise<string> {
    const document = Discovery.parse(await this.#read(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`));
    if (document.issuer !== issuer) throw new Error('its discovery document is another issuer’s'); // OpenID Connect Discovery section 4.3
    return document.jwks_uri;
  }

  async #read(url: string): Promise<unknown> {
    const response = await this.#fetch(url, { headers: { accept: 'application/json' }, redirect: 'error' });
    if (!response.ok) throw new Error(`${new URL(url).host} answered ${response.status}`);
    const text = await response.text();
    if (text.length > MAX_BYTES) throw new Error(`${new URL(url).host} sent a document that is too large`);
    return JSON.parse(text);
  }
}

const nameOf = ({ issuer, jwksUri }: KeySource): string => issuer ?? jwksUri ?? 'keys';

/** Keys for something else than signatures are none, and symmetric ones are nobody's public keys. */
function keySet(document: unknown, isSpiffeBundle: boolean): Parameters<typeof createLocalJWKSet>[0] {
  const { keys } = KeySet.parse(document);
  const usable = keys.flatMap(({ use, ...key }) => {
    if (key.kty === 'oct') return [];
    if (isSpiffeBundle && use === 'jwt-svid') return [key];
    return use === undefined || use === 'sig' ? [{ ...key, ...(use === undefined ? {} : { use }) }] : [];
  });
  return { keys: usable };
}
