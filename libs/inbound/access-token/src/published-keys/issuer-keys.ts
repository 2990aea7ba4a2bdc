import { createLocalJWKSet, errors, type CompactVerifyGetKey } from 'jose';
import { z } from 'zod';
import type { PublicKey } from '@sallyport/configuration';
import { BoundedMap, type Clock } from '@sallyport/kernel';
import { keySetOf, readPublished } from './key-set.js';
import { Renewed } from './renewed.js';

/** Where an issuer publishes its keys. Without `jwksUri` and `keys`, its discovery document says where. */
export interface KeySource {
  readonly issuer: string | undefined;
  readonly jwksUri: string | undefined;
  readonly keys: readonly PublicKey[] | undefined;
  /** A SPIFFE bundle marks its keys otherwise than RFC 7517 does (SPIFFE Trust Domain and Bundle section 4). */
  readonly isSpiffeBundle: boolean;
}

/** The keys were never read, or too long ago. It says nothing against the token that was presented. */
export class KeysUnavailable extends Error {}

const Discovery = z.object({ issuer: z.string(), jwks_uri: z.url({ protocol: /^https?$/ }) });
const KeySet = keySetOf(z.looseObject({ kty: z.string(), use: z.string().optional() }));

/** Reloaded when older. */
const FRESH_MS = 10 * 60_000;
/** Through an outage of the issuer, keys are believed for so long unless said otherwise. */
const USABLE_MS = 60 * 60_000;
/** An issuer gets at most one request in this time, whoever asks for whatever key. */
const COOLDOWN_MS = 15_000;
const MAX_SOURCES = 256;

type FindKey = ReturnType<typeof createLocalJWKSet>;

export interface IssuerKeysOptions {
  /** Through the outbound guard. */
  readonly fetch: typeof globalThis.fetch;
  readonly clock: Clock;
  /** Called once, until the keys can be read again. */
  readonly onProblem: (source: string, cause: unknown) => void;
  readonly onRecovered?: (source: string) => void;
  /** Keys that cannot be renewed are believed for so long. */
  readonly usableMs?: number;
  /** Between two requests while they succeed; what an unknown key signed causes one. */
  readonly cooldownMs?: number;
  /** Between two requests while they fail; `cooldownMs` unless said otherwise. */
  readonly retryMs?: number;
}

/**
 * Public keys of identity providers and workload platforms (RFC 7517), remembered per source. An unknown key reloads
 * them, throttled: a rotation there is noticed at once, and a flood of forged tokens here causes no flood there.
 */
export class IssuerKeys {
  readonly #options: Required<IssuerKeysOptions>;
  readonly #sets = new BoundedMap<string, Renewed<FindKey>>(MAX_SOURCES);

  constructor(options: IssuerKeysOptions) {
    const { cooldownMs = COOLDOWN_MS } = options;
    this.#options = { onRecovered: () => undefined, usableMs: USABLE_MS, retryMs: cooldownMs, ...options, cooldownMs };
  }

  /** For jose. Rejects with its `JWKSNoMatchingKey` and the like, or with {@link KeysUnavailable}. */
  of(source: KeySource): CompactVerifyGetKey {
    if (source.keys !== undefined) return createLocalJWKSet(keySet({ keys: source.keys }, source.isSpiffeBundle));
    return async (header, token) => {
      const set = this.#setOf(source);
      if (set.ageMs >= FRESH_MS) await set.renew();
      const find = () => {
        if (set.value === undefined || set.ageMs >= this.#options.usableMs) throw new KeysUnavailable(nameOf(source));
        return set.value(header, token);
      };
      try {
        return await find();
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        await set.renew();
        if (set.failure) throw new KeysUnavailable(nameOf(source)); // it may be a new one, which could not be had
        return find();
      }
    };
  }

  #setOf(source: KeySource): Renewed<FindKey> {
    const key = JSON.stringify([source.issuer, source.jwksUri, source.isSpiffeBundle]);
    const known = this.#sets.get(key);
    if (known) return known;
    const { clock, cooldownMs, retryMs, onProblem, onRecovered } = this.#options;
    const set = new Renewed({
      load: () => this.#load(source),
      clock,
      cooldownMs,
      retryMs,
      onFailed: (cause) => onProblem(nameOf(source), cause),
      onRecovered: () => onRecovered(nameOf(source)),
    });
    this.#sets.set(key, set);
    return set;
  }

  async #load(source: KeySource): Promise<FindKey> {
    return createLocalJWKSet(
      keySet(await this.#read(source.jwksUri ?? (await this.#discover(source.issuer ?? ''))), source.isSpiffeBundle),
    );
  }

  async #discover(issuer: string): Promise<string> {
    const document = Discovery.parse(await this.#read(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`));
    // OpenID Connect Discovery section 4.3
    if (document.issuer !== issuer) throw new Error('its discovery document is another issuer’s');
    return document.jwks_uri;
  }

  async #read(url: string): Promise<unknown> {
    const response = await this.#options.fetch(url, { headers: { accept: 'application/json' }, redirect: 'error' });
    return readPublished(response, new URL(url).host);
  }
}

const nameOf = ({ issuer, jwksUri }: KeySource): string => issuer ?? jwksUri ?? 'keys';

/** Leaves out keys that are not for signatures, and symmetric ones, which nobody should have published. */
function keySet(document: unknown, isSpiffeBundle: boolean): Parameters<typeof createLocalJWKSet>[0] {
  const { keys } = KeySet.parse(document);
  const usable = keys.flatMap(({ use, ...key }) => {
    if (key.kty === 'oct') return [];
    if (isSpiffeBundle && use === 'jwt-svid') return [key];
    return use === undefined || use === 'sig' ? [{ ...key, ...(use === undefined ? {} : { use }) }] : [];
  });
  return { keys: usable };
}
