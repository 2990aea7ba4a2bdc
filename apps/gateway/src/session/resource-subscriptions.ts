import type { Clock, ShareRefusal } from '@sallyport/kernel';
import { SessionNotes } from './session-notes.js';
import type { OwnedSession } from './session-notes.js';

export interface SubscribedResource {
  readonly server: string;
  /** The server's own. */
  readonly uri: string;
}

const MAX_PER_SESSION = 64;
/** Of all sessions together; a resource takes one for every 256 characters of its URI that it begins. */
const PLACES = 65_536;
const CHARACTERS_OF_A_PLACE = 256;

/**
 * What clients with sessions subscribed to, by session. Replicas tell each other; one that starts later does not know,
 * nor does one that had to forget the user's longest unused sessions. It grants nothing: each update is decided when it
 * is told.
 */
export class ResourceSubscriptions {
  readonly #sessions: SessionNotes<readonly SubscribedResource[]>;

  constructor(clock: Clock, places = PLACES) {
    this.#sessions = new SessionNotes({ places, clock });
  }

  of(sessionId: string): readonly SubscribedResource[] {
    return this.#sessions.get(sessionId) ?? [];
  }

  hasRoomFor(sessionId: string, resource: SubscribedResource): boolean {
    return this.#without(sessionId, resource).length < MAX_PER_SESSION;
  }

  /** @returns why there is no room: `own` in this session or the user's share, `all` for anybody. */
  set(session: OwnedSession, resource: SubscribedResource, isWanted: boolean): ShareRefusal | undefined {
    const others = this.#without(session.id, resource);
    if (isWanted && others.length >= MAX_PER_SESSION) return 'own';
    const resources = isWanted ? [...others, resource] : others;
    if (resources.length > 0) return this.#sessions.set(session, resources, placesOf(resources));
    this.#sessions.delete(session.id);
    return undefined;
  }

  /** Forgets sessions that are over. @returns for how many others there was no room, since the last time. */
  sweep(hasEnded: (id: string) => boolean): number {
    return this.#sessions.sweep(hasEnded);
  }

  #without(sessionId: string, { server, uri }: SubscribedResource): SubscribedResource[] {
    return this.of(sessionId).filter((other) => other.server !== server || other.uri !== uri);
  }
}

const placesOf = (resources: readonly SubscribedResource[]): number =>
  resources.reduce((places, { uri }) => places + Math.ceil(uri.length / CHARACTERS_OF_A_PLACE), 0);
