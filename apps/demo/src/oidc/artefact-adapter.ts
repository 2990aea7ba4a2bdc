import { createHash } from 'node:crypto';
import { errors, type Adapter, type AdapterFactory, type AdapterPayload } from 'oidc-provider';
import type { Clock } from '@sallyport/kernel';
import type { ArtefactRecords } from './memory-artefacts.js';

/** Kinds whose id is a bearer secret: stored under a digest, without the id in the payload. */
const SECRET_IDS = new Set(['AccessToken', 'RefreshToken', 'AuthorizationCode', 'RegistrationAccessToken', 'Session']);

/**
 * oidc-provider's storage on a map of records. Every check-and-set is one turn of the event loop, so of two uses of one
 * code or refresh token only one succeeds.
 */
export function artefactAdapter(store: ArtefactRecords, clock: Clock): AdapterFactory {
  return (kind) => new ArtefactAdapter(kind, store, clock);
}

class ArtefactAdapter implements Adapter {
  readonly #kind: string;
  readonly #store: ArtefactRecords;
  readonly #clock: Clock;

  constructor(kind: string, store: ArtefactRecords, clock: Clock) {
    this.#kind = kind;
    this.#store = store;
    this.#clock = clock;
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
    const { jti, ...rest } = payload;
    const stored = SECRET_IDS.has(this.#kind) ? rest : { ...rest, ...(jti === undefined ? {} : { jti }) };
    const previous = this.#store.records.get(this.#key(id));
    this.#store.records.set(this.#key(id), {
      payload: stored,
      ...(expiresIn > 0 ? { expiresAt: this.#now() + expiresIn } : {}),
      ...(previous?.consumedAt === undefined ? {} : { consumedAt: previous.consumedAt }),
    });
    await this.#store.changed();
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const stored = this.#store.records.get(this.#key(id));
    if (stored === undefined || (stored.expiresAt !== undefined && stored.expiresAt <= this.#now())) return undefined;
    return {
      ...stored.payload,
      ...(SECRET_IDS.has(this.#kind) ? { jti: id } : {}),
      ...(stored.consumedAt === undefined ? {} : { consumed: stored.consumedAt }),
    };
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    for (const [key, stored] of this.#store.records) {
      if (
        key.startsWith(`${this.#kind}:`) &&
        stored.payload.uid === uid &&
        (stored.expiresAt === undefined || stored.expiresAt > this.#now())
      )
        return stored.payload;
    }
    return undefined;
  }

  async findByUserCode(): Promise<undefined> {
    return undefined;
  }

  async consume(id: string): Promise<void> {
    const key = this.#key(id);
    const stored = this.#store.records.get(key);
    if (stored === undefined || stored.consumedAt !== undefined) throw new errors.InvalidGrant('already used');
    this.#store.records.set(key, { ...stored, consumedAt: this.#now() });
    await this.#store.changed();
  }

  async destroy(id: string): Promise<void> {
    if (this.#store.records.delete(this.#key(id))) await this.#store.changed();
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    for (const [key, stored] of this.#store.records) {
      if (key.startsWith(`${this.#kind}:`) && stored.payload.grantId === grantId) this.#store.records.delete(key);
    }
    await this.#store.changed();
  }

  #key(id: string): string {
    return `${this.#kind}:${SECRET_IDS.has(this.#kind) ? createHash('sha256').update(id).digest('base64url') : id}`;
  }

  #now(): number {
    return Math.floor(this.#clock() / 1000);
  }
}
