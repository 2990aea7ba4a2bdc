import { Shares } from '@sallyport/kernel';
import type { Clock, ShareRefusal } from '@sallyport/kernel';

/** A legacy client's session: whose it is, and until when it lasts, in seconds since the epoch. */
export interface OwnedSession {
  readonly id: string;
  readonly userId: string;
  readonly expiresAt: number;
}

interface Note<T> {
  readonly session: OwnedSession;
  readonly value: T;
  readonly places: number;
}

export interface SessionNotesOptions {
  /** Of all users together. */
  readonly places: number;
  readonly clock: Clock;
}

/**
 * Something to remember of each session, as long as it lasts. Each user has a share of the places: who needs more loses
 * what was noted of their own longest unused sessions, never what was noted of another's (security rule S32).
 */
export class SessionNotes<T> {
  readonly #clock: Clock;
  readonly #shares: Shares;
  readonly #notes = new Map<string, Note<T>>();
  /** The sessions of each user, the longest unused first. */
  readonly #byUser = new Map<string, Set<string>>();
  /** Sessions of which something was forgotten or not taken. */
  #missed = 0;

  constructor({ places, clock }: SessionNotesOptions) {
    this.#clock = clock;
    this.#shares = new Shares(places);
  }

  get size(): number {
    return this.#notes.size;
  }

  get(id: string): T | undefined {
    const note = this.#notes.get(id);
    if (note === undefined) return undefined;
    const own = this.#byUser.get(note.session.userId);
    own?.delete(id);
    own?.add(id);
    return note.value;
  }

  /** @returns why there is no room even in place of the user's other sessions; what was noted before stays. */
  set(session: OwnedSession, value: T, places: number): ShareRefusal | undefined {
    const before = this.#notes.get(session.id);
    this.delete(session.id);
    for (;;) {
      const refusal = this.#shares.refusal(session.userId, places);
      if (refusal === undefined) break;
      const longestUnused = this.#byUser.get(session.userId)?.values().next().value;
      if (longestUnused === undefined) {
        if (before !== undefined) this.#add(before);
        this.#missed += 1;
        return refusal;
      }
      this.delete(longestUnused);
      this.#missed += 1;
    }
    this.#add({ session, value, places });
    return undefined;
  }

  delete(id: string): void {
    const note = this.#notes.get(id);
    if (note === undefined) return;
    const { userId } = note.session;
    this.#notes.delete(id);
    this.#shares.giveBack(userId, note.places);
    const own = this.#byUser.get(userId);
    own?.delete(id);
    if (own?.size === 0) this.#byUser.delete(userId);
  }

  /** Forgets sessions that are over. @returns for how many others there was no room, since the last time. */
  sweep(hasEnded: (id: string) => boolean): number {
    const now = this.#clock() / 1000;
    for (const [id, { session }] of this.#notes) if (session.expiresAt <= now || hasEnded(id)) this.delete(id);
    const missed = this.#missed;
    this.#missed = 0;
    return missed;
  }

  #add(note: Note<T>): void {
    const { id, userId } = note.session;
    this.#notes.set(id, note);
    this.#shares.take(userId, note.places);
    const own = this.#byUser.get(userId);
    if (own) own.add(id);
    else this.#byUser.set(userId, new Set([id]));
  }
}
