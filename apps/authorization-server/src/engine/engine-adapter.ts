import { errors, Provider, type Adapter, type AdapterFactory, type AdapterPayload } from 'oidc-provider';
import { SallyportError } from '@sallyport/kernel';
import type { ArtifactStore, StoredArtifact } from '../storage/artifact-store.js';
import type { EngineDecisions, RegistrationRules } from './engine.js';
import type { RefreshRotation } from './refresh-rotation.js';

/**
 * The engine's storage on our artefact table, one per kind of artefact.
 * @param onReplay told of a grant that ended because its code was used twice at once, which the engine does not notice
 */
export function createEngineAdapter(
  { store, rotation, administered, registration }: AdapterSources,
  onReplay: OnReplay,
): AdapterFactory {
  return (kind) =>
    kind === 'Client'
      ? new ClientAdapter(store, kind, rotation, onReplay, { administered, registration })
      : new EngineAdapter(store, kind, rotation, onReplay);
}

interface AdapterSources {
  readonly store: ArtifactStore;
  readonly rotation: RefreshRotation;
  readonly administered: EngineDecisions['administeredAgent'];
  readonly registration: Pick<RegistrationRules, 'unusedForSeconds' | 'registered'>;
}

type OnReplay = (grantId: string, clientId: string | undefined) => void;

class EngineAdapter implements Adapter {
  readonly #store: ArtifactStore;
  readonly #kind: string;
  readonly #rotation: RefreshRotation;
  readonly #onReplay: OnReplay;

  constructor(store: ArtifactStore, kind: string, rotation: RefreshRotation, onReplay: OnReplay) {
    this.#store = store;
    this.#kind = kind;
    this.#rotation = rotation;
    this.#onReplay = onReplay;
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    const options = { expiresInSeconds: expiresIn, grantId: payload.grantId, uid: payload.uid };
    try {
      if (!(await this.#rotation.stores(this.#kind, id, payload, options)))
        await this.#store.put(this.#kind, id, payload, options);
    } catch (cause) {
      if (cause instanceof SallyportError && cause.code === 'artifact_too_large')
        throw new errors.InvalidRequest('the request is too large');
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

  findByUserCode(): Promise<undefined> {
    return Promise.resolve(undefined); // the device flow is off
  }

  /** Of two concurrent uses exactly one passes. The loser of a race for a code is a replay: RFC 9700 section 2.1.1 asks to revoke. */
  async consume(id: string): Promise<void> {
    if (this.#rotation.defersConsume(this.#kind, id) || (await this.#store.consume(this.#kind, id))) return;
    if (this.#kind === 'AuthorizationCode') {
      const { grantId, clientId } = (await this.#store.find(this.#kind, id))?.payload ?? {};
      if (typeof grantId === 'string') {
        await this.#store.revokeGrant(grantId);
        this.#onReplay(grantId, typeof clientId === 'string' ? clientId : undefined);
      }
    }
    throw new errors.InvalidGrant({ detail: `${this.#kind} was used at the same time` });
  }

  async destroy(id: string): Promise<void> {
    if (this.#kind === 'Grant') await this.#store.revokeGrant(id);
    else await this.#store.destroy(this.#kind, id);
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.#store.destroyByGrant(this.#kind, grantId);
  }
}

/** Also clients that are in no table but in the configuration; those come first. One that registers itself stays for a time only. */
class ClientAdapter extends EngineAdapter {
  readonly #store: ArtifactStore;
  readonly #administered: EngineDecisions['administeredAgent'];
  readonly #registration: AdapterSources['registration'];

  constructor(
    store: ArtifactStore,
    kind: string,
    rotation: RefreshRotation,
    onReplay: OnReplay,
    { administered, registration }: Pick<AdapterSources, 'administered' | 'registration'>,
  ) {
    super(store, kind, rotation, onReplay);
    this.#store = store;
    this.#administered = administered;
    this.#registration = registration;
  }

  override async upsert(id: string, payload: AdapterPayload): Promise<void> {
    const { client_name: name, redirect_uris: redirectUris } = payload;
    const hosts = new Set((redirectUris ?? []).map((uri) => URL.parse(uri)?.host || uri.split(':', 1)[0] || ''));
    await this.#registration.registered({
      clientId: id,
      name: typeof name === 'string' ? name : undefined,
      redirectHosts: [...hosts],
      address: Provider.ctx?.ip ?? '',
    });
    await super.upsert(id, payload, this.#registration.unusedForSeconds);
  }

  override async find(id: string): Promise<AdapterPayload | undefined> {
    const declared = await this.#administered(id);
    if (declared) return { ...declared };
    const found = await this.#store.find('Client', id);
    return found?.expired === false ? found.payload : undefined;
  }
}

function toPayload(found: StoredArtifact | undefined): AdapterPayload | undefined {
  if (!found) return undefined;
  return found.consumedAt === undefined ? found.payload : { ...found.payload, consumed: found.consumedAt };
}
