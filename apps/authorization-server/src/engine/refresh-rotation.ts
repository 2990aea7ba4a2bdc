import { AsyncLocalStorage } from 'node:async_hooks';
import type { AdapterPayload } from 'oidc-provider';
import type { ArtifactStore, ArtifactOptions } from '../storage/artifact-store.js';

/** A lost answer may be asked for again this long. */
export const REUSE_GRACE_SECONDS = 45;
const KIND = 'RefreshToken';

interface Refresh {
  readonly presented: string;
  readonly clientId: string;
  /** The engine retired the presented token; the successor is about to be stored. */
  retired: boolean;
}

/** The presented token has a successor that nobody used yet. */
class AlreadyRotated extends Error {
  readonly successor: string;
  constructor(successor: string) {
    super('the refresh token was rotated a moment ago');
    this.successor = successor;
  }
}
/** Another request rotated the token between our reading it and our rotating it. */
class RotationLost extends Error {}

/**
 * Rotation of refresh tokens with a reuse grace (R48, security rule S9). The engine retires a token and stores its
 * successor in two steps; here both are one transaction, at the second step, so that of any number of requests on any
 * number of replicas one rotates and all others within the grace are answered with the very same successor. A token that
 * comes back after the grace, or after its successor was used, is left to the engine, which revokes the family.
 */
export class RefreshRotation {
  readonly #store: ArtifactStore;
  readonly #underway = new AsyncLocalStorage<Refresh>();

  constructor(store: ArtifactStore) {
    this.#store = store;
  }

  /**
   * @param rotate the engine's own handling of the presented token
   * @param repeat the engine's handling of the successor instead, without rotating it
   */
  async run(
    request: { presented: string; clientId: string },
    rotate: () => Promise<void>,
    repeat: (successor: string) => Promise<void>,
  ): Promise<void> {
    const attempt = () => this.#underway.run({ ...request, retired: false }, rotate);
    try {
      // Once more after a lost race: the engine then reads the token as used, which decides between repeating and revoking.
      await attempt().catch((error: unknown) => (error instanceof RotationLost ? attempt() : Promise.reject(error)));
    } catch (error) {
      if (!(error instanceof AlreadyRotated)) throw error;
      await repeat(error.successor);
    }
  }

  /** Told what the engine read; does not return when the request is to be answered with the successor. */
  async found(kind: string, id: string, payload: AdapterPayload): Promise<void> {
    const refresh = this.#of(kind);
    // Another client holding the token learns nothing, and gets the engine's refusal.
    if (!refresh || id !== refresh.presented || payload.consumed === undefined || payload.clientId !== refresh.clientId)
      return;
    const successor = await this.#store.successor(kind, id);
    if (successor !== undefined) throw new AlreadyRotated(successor);
  }

  /** @returns true when the token is retired later, together with storing its successor */
  defersConsume(kind: string, id: string): boolean {
    const refresh = this.#of(kind);
    if (!refresh || id !== refresh.presented) return false;
    return (refresh.retired = true);
  }

  /** @returns false when what is stored is no successor */
  async stores(kind: string, id: string, payload: AdapterPayload, options: ArtifactOptions): Promise<boolean> {
    const refresh = this.#of(kind);
    if (!refresh?.retired) return false;
    if (!(await this.#store.rotate(kind, refresh.presented, { id, payload, options }, REUSE_GRACE_SECONDS)))
      throw new RotationLost();
    refresh.retired = false;
    return true;
  }

  #of(kind: string): Refresh | undefined {
    return kind === KIND ? this.#underway.getStore() : undefined;
  }
}
