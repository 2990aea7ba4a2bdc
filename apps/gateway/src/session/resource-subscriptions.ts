import { BoundedMap } from '@sallyport/kernel';

export interface SubscribedResource {
  readonly server: string;
  /** The server's own. */
  readonly uri: string;
}

const MAX_PER_SESSION = 64;
/** Characters of URIs altogether. */
const MAX_LENGTH = 8 * 1024 * 1024;

/**
 * What clients with sessions subscribed to, by session. Replicas tell each other; one that starts later does not know, nor
 * does one that had to forget the oldest. It grants nothing: each update is decided when it is told.
 */
export class ResourceSubscriptions {
  readonly #sessions = new BoundedMap<string, readonly SubscribedResource[]>(10_000, {
    of: (resources) => resources.reduce((length, { uri }) => length + uri.length, 0),
    limit: MAX_LENGTH,
  });

  of(sessionId: string): readonly SubscribedResource[] {
    return this.#sessions.get(sessionId) ?? [];
  }

  hasRoomFor(sessionId: string, resource: SubscribedResource): boolean {
    return this.#without(sessionId, resource).length < MAX_PER_SESSION;
  }

  /** More than there is room for is not kept. */
  set(sessionId: string, resource: SubscribedResource, isWanted: boolean): void {
    const others = this.#without(sessionId, resource);
    this.#sessions.set(sessionId, isWanted ? [...others, resource].slice(0, MAX_PER_SESSION) : others);
  }

  #without(sessionId: string, { server, uri }: SubscribedResource): SubscribedResource[] {
    return this.of(sessionId).filter((other) => other.server !== server || other.uri !== uri);
  }
}
