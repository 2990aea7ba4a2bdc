import { AsyncLocalStorage } from 'node:async_hooks';
import { errors, type AdapterPayload } from 'oidc-provider';
import type { ArtifactOptions, ArtifactStore } from '../storage/artifact-store.js';
import type { LifecycleSubject } from './engine.js';

/** Whoever asks at the same moment, over both address families or from two machines, is told the same. */
export const RACE_SECONDS = 45;
const KIND = 'RefreshToken';

export interface RefreshRequest {
  readonly presented: string;
  readonly clientId: string;
  /** The client proved with a secret or a key who it is. */
  readonly isAuthenticated: boolean;
  /** Called before the engine ends the family, when what came looks like theft. */
  readonly onSuspicion: () => void;
}
interface Refresh extends RefreshRequest {
  /** The presented token, or the successor it is answered with. */
  readonly token: string;
  readonly isRepeat: boolean;
  /** The engine retired the presented token; the successor is about to be stored. */
  retired: boolean;
}

/** Whose a grant's session is, and whether this request comes from where its agent last refreshed. */
export type SessionPlace = { readonly subject: LifecycleSubject; readonly isSamePlace: boolean } | undefined;

export interface RefreshRotationParts {
  readonly store: ArtifactStore;
  /** How long a lost answer may be asked for again, in seconds. */
  readonly repeatSeconds: () => number;
  /** Of the grant, for the request under way. */
  readonly placeOf: (grantId: string) => Promise<SessionPlace>;
  /** Seconds since the epoch. */
  readonly now: () => number;
}

/** The presented token has a successor that nobody used yet. */
class AlreadyRotated extends Error {
  readonly successor: string;
  constructor(successor: string) {
    super('the refresh token was rotated already');
    this.successor = successor;
  }
}
/** Another request rotated the token between our reading it and our rotating it. */
class RotationLost extends Error {}

/** A spent token in the hands of the agent it was given to: it ends nothing (RFC 6749 section 5.2). */
export class StaleCopy extends errors.InvalidGrant {
  readonly subject: LifecycleSubject;
  constructor(subject: LifecycleSubject) {
    super('a stale copy of a refresh token: it was spent before, and comes from where its session is used');
    this.error_description =
      'this refresh token was used before, and a newer one took its place: read what is stored, or authorize anew';
    this.subject = subject;
  }
}

/**
 * Rotation of refresh tokens (R48, S9). The engine retires a token and stores its successor in two steps;
 * here both are one statement, at the second step, so that of any number of requests on any number of replicas one
 * rotates and all others are answered with the very same successor while nobody used it.
 *
 * A spent token that comes after that is a stale copy, or was stolen (RFC 9700 section 4.14.2). It is taken for a stale
 * copy when only its own client can have sent it (a secret, a bound key), or when it comes from where the session was
 * last refreshed from; anything else is left to the engine, which ends the family.
 */
export class RefreshRotation {
  readonly #parts: RefreshRotationParts;
  readonly #underway = new AsyncLocalStorage<Refresh>();

  constructor(parts: RefreshRotationParts) {
    this.#parts = parts;
  }

  /**
   * @param rotate the engine's own handling of the presented token
   * @param repeat the engine's handling of the successor instead, without rotating it
   */
  async run(
    request: RefreshRequest,
    rotate: () => Promise<void>,
    repeat: (successor: string) => Promise<void>,
  ): Promise<void> {
    const attempt = () =>
      this.#underway.run({ ...request, token: request.presented, isRepeat: false, retired: false }, rotate);
    try {
      // Once more after a lost race: the engine then reads the token as used, which decides between repeating and
      // refusing.
      await attempt().catch((error: unknown) => (error instanceof RotationLost ? attempt() : Promise.reject(error)));
    } catch (error) {
      if (!(error instanceof AlreadyRotated)) throw error;
      const { successor } = error;
      await this.#underway.run({ ...request, token: successor, isRepeat: true, retired: false }, () =>
        repeat(successor),
      );
    }
  }

  /**
   * Told what the engine read; does not return when the request is to be answered with the successor, or refused and no
   * more.
   */
  async found(kind: string, id: string, payload: AdapterPayload): Promise<void> {
    const refresh = this.#of(kind);
    // Another client holding the token learns nothing, and gets the engine's refusal.
    if (!refresh || id !== refresh.token || payload.consumed === undefined || payload.clientId !== refresh.clientId)
      return;
    const { store, placeOf, repeatSeconds, now } = this.#parts;
    const place = await placeOf(payload.grantId ?? '');
    const subject = place?.subject ?? { userId: payload.accountId };
    // Somebody used the successor while this request was being answered with it.
    if (refresh.isRepeat) throw new StaleCopy(subject);
    const isItsClient = refresh.isAuthenticated || payload['jkt'] !== undefined || place?.isSamePlace === true;
    const spentFor = now() - Number(payload.consumed);
    const successor =
      spentFor <= (isItsClient ? repeatSeconds() : RACE_SECONDS) ? await store.successor(kind, id) : undefined;
    if (successor !== undefined) throw new AlreadyRotated(successor);
    if (isItsClient) throw new StaleCopy(subject);
    refresh.onSuspicion();
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
    const seconds = Math.max(RACE_SECONDS, this.#parts.repeatSeconds());
    if (!(await this.#parts.store.rotate(kind, refresh.presented, { id, payload, options }, seconds)))
      throw new RotationLost();
    refresh.retired = false;
    return true;
  }

  #of(kind: string): Refresh | undefined {
    return kind === KIND ? this.#underway.getStore() : undefined;
  }
}
