import { errors, Provider, type Adapter, type AdapterFactory, type AdapterPayload } from 'oidc-provider';
import { hasCode } from '@sallyport/kernel';
import type { ArtifactStore, StoredArtifact } from '../storage/artifact-store.js';
import type { EngineDecisions, EngineEvents } from './engine.js';
import type { RefreshRotation } from './refresh-rotation.js';

interface AdapterParts {
  readonly store: ArtifactStore;
  readonly rotation: RefreshRotation;
  readonly decisions: Pick<EngineDecisions, 'administeredAgent' | 'registration'>;
  readonly events: Pick<EngineEvents, 'grantRevoked'>;
}

/** The engine's storage on our artefact table: one adapter per kind of artefact, e.g. `RefreshToken`. */
export const createEngineAdapter =
  (parts: AdapterParts): AdapterFactory =>
  (kind) =>
    kind === 'Client' ? new ClientAdapter(kind, parts) : new EngineAdapter(kind, parts);

class EngineAdapter implements Adapter {
  readonly #kind: string;
  readonly #store: ArtifactStore;
  readonly #rotation: RefreshRotation;
  readonly #events: AdapterParts['events'];

  constructor(kind: string, { store, rotation, events }: AdapterParts) {
    this.#kind = kind;
    this.#store = store;
    this.#rotation = rotation;
    this.#events = events;
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const uid = payload.uid ?? payload.userCode;
    const options = { expiresInSeconds: expiresIn, grantId: payload.grantId, uid };
    try {
      if (!(await this.#rotation.stores(this.#kind, id, payload, options)))
        await this.#store.put(this.#kind, id, payload, options);
    } catch (cause) {
      if (hasCode(cause, 'artifact_too_large')) throw new errors.InvalidRequest('the request is too large');
      throw cause;
    }
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const payload = toPayload(await this.#store.find(this.#kind, id));
    if (payload) await this.#rotation.found(this.#kind, id, payload);
    return payload;
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    return toPayload(await this.#store.findByUid(this.#kind, uid));
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    return toPayload(await this.#store.findByUid(this.#kind, userCode));
  }

  /** Marks an artefact as used; of two concurrent uses exactly one passes. */
  async consume(id: string): Promise<void> {
    if (this.#rotation.defersConsume(this.#kind, id) || (await this.#store.consume(this.#kind, id))) return;
    if (this.#kind === 'AuthorizationCode') await this.#revokeGrantOf(id);
    throw new errors.InvalidGrant({ detail: `${this.#kind} was used at the same time` });
  }

  /** The loser of a race for a code is a replay, which the engine does not notice (RFC 9700 section 2.1.1). */
  async #revokeGrantOf(code: string): Promise<void> {
    const { grantId, clientId } = (await this.#store.find(this.#kind, code))?.payload ?? {};
    if (typeof grantId !== 'string') return;
    await this.#store.revokeGrant(grantId);
    const client = typeof clientId === 'string' ? clientId : undefined;
    this.#events.grantRevoked(grantId, client, 'a code was used twice at once');
  }

  async destroy(id: string): Promise<void> {
    if (this.#kind === 'Grant') await this.#store.revokeGrant(id);
    else await this.#store.destroy(this.#kind, id);
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.#store.destroyByGrant(this.#kind, grantId);
  }
}

/** Clients: those that an administrator declared come first, and are in no table. One that registers itself expires. */
class ClientAdapter extends EngineAdapter {
  readonly #store: ArtifactStore;
  readonly #decisions: AdapterParts['decisions'];

  constructor(kind: string, parts: AdapterParts) {
    super(kind, parts);
    this.#store = parts.store;
    this.#decisions = parts.decisions;
  }

  override async upsert(id: string, payload: AdapterPayload): Promise<void> {
    const { client_name: name, redirect_uris: redirectUris } = payload;
    const hosts = new Set((redirectUris ?? []).map((uri) => URL.parse(uri)?.host || uri.split(':', 1)[0] || ''));
    const { registration } = this.#decisions;
    await registration.registered({
      clientId: id,
      name: typeof name === 'string' ? name : undefined,
      redirectHosts: [...hosts],
      address: Provider.ctx?.ip ?? '',
    });
    await super.upsert(id, payload, registration.unusedForSeconds);
  }

  override async find(id: string): Promise<AdapterPayload | undefined> {
    const declared = await this.#decisions.administeredAgent(id);
    if (declared) return { ...declared };
    const found = await this.#store.find('Client', id);
    return found?.expired === false ? found.payload : undefined;
  }
}

function toPayload(found: StoredArtifact | undefined): AdapterPayload | undefined {
  if (!found) return undefined;
  return found.consumedAt === undefined ? found.payload : { ...found.payload, consumed: found.consumedAt };
}
