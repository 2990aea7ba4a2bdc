import { BoundedMap } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { JsonObject } from '@sallyport/mcp-relay';
import { cataloguePrompts, catalogueResources, catalogueTools } from '@sallyport/server';
import type { Catalogue, CatalogueEntry, CataloguedTool, NamePrefix } from '@sallyport/server';
import type { CredentialLease } from './credential-leases.js';
import type { ServerResult } from './read-answer.js';

const MAX_PAGES = 100;
const MAX_ENTRIES = 5_000;
/** Characters of JSON: what one server may offer one identity, and what is remembered of all of them. */
const MAX_LISTING = 8 * 1024 * 1024;
const MAX_REMEMBERED = 128 * 1024 * 1024;
const METHOD_NOT_FOUND = -32601;
/** However short a server says its list lives, a burst of questions is one; however long, it is asked again after this. */
const MIN_TTL_MS = 1_000;
const MAX_TTL_MS = 60_000;

export type ListKind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates';
export const listMethods = { tools: 'tools/list', prompts: 'prompts/list', resources: 'resources/list', resourceTemplates: 'resources/templates/list' } as const satisfies Record<ListKind, string>;

export type Entry<K extends ListKind> = K extends 'tools' ? CataloguedTool : CatalogueEntry;
interface Listed<E extends CatalogueEntry> {
  readonly type: 'listed';
  readonly listing: Catalogue<E>;
  /** Characters of JSON it was read from. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly readAt: number;
  /** Milliseconds the server vouches for it, within our bounds. */
  readonly ttlMs: number;
}
export type ListOutcome<E extends CatalogueEntry = CatalogueEntry> = Listed<E> | Exclude<ServerResult, { type: 'result' | 'error' }>;

/** Asks the server for one page, with the same credential the listing is remembered under. */
export interface PageReader {
  (params: JsonObject): Promise<ServerResult>;
  /** What the listing depends on besides the identity: what the server was told the client can do. */
  readonly variant?: string;
}

/**
 * What each server offers each identity. Nothing one user's listing showed is ever shown to another, also where the server
 * calls it public: the key holds the lease's identity (user, agent, session, server, documents, connection revision)
 * (security rules S14, S15).
 */
export class Catalogues {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #remembered: BoundedMap<string, Listed<CatalogueEntry>>;
  readonly #reading = new Map<string, Promise<ListOutcome>>();
  readonly #onDropped: (listing: Catalogue) => void;
  readonly #onTools: (listing: Catalogue<CataloguedTool>) => void;

  constructor(options: { clock: Clock; maxAgeMs?: number; limit?: number; maxRemembered?: number; onDropped?: (listing: Catalogue) => void; /** Each time a server's tools were read. */ onTools?: (listing: Catalogue<CataloguedTool>) => void }) {
    this.#clock = options.clock;
    this.#maxAgeMs = options.maxAgeMs ?? MAX_TTL_MS;
    this.#remembered = new BoundedMap(options.limit ?? 5_000, { of: ({ size }) => size, limit: options.maxRemembered ?? MAX_REMEMBERED });
    this.#onDropped = options.onDropped ?? (() => undefined);
    this.#onTools = options.onTools ?? (() => undefined);
  }

  /**
   * Those who ask at the same time with one identity are answered by one reading. Failures are not remembered.
   * @param maxAgeMs how old a remembered listing may be; `ttl`: as old as the server said.
   */
  async list<K extends ListKind>(kind: K, lease: CredentialLease, prefix: NamePrefix, readPage: PageReader, maxAgeMs: number | 'ttl' = this.#maxAgeMs): Promise<ListOutcome<Entry<K>>> {
    const key = JSON.stringify([kind, lease.identity, prefix, readPage.variant ?? '']);
    const remembered = this.#remembered.get(key);
    if (remembered !== undefined && this.#clock() - remembered.readAt < (maxAgeMs === 'ttl' ? remembered.ttlMs : maxAgeMs)) return remembered as Listed<Entry<K>>;
    let reading = this.#reading.get(key);
    if (reading === undefined) {
      reading = this.#read(kind, lease.server, prefix, readPage)
        .then((outcome) => {
          if (outcome.type === 'listed') this.#remembered.set(key, outcome);
          return outcome;
        })
        .finally(() => this.#reading.delete(key));
      this.#reading.set(key, reading);
    }
    return (await reading) as ListOutcome<Entry<K>>;
  }

  /** The server said that its lists changed: what it showed this identity is read anew. */
  forget(lease: CredentialLease): void {
    const identity = JSON.stringify(lease.identity);
    this.#remembered.deleteWhere((_listed, key) => key.includes(identity));
  }

  async #read(kind: ListKind, server: string, prefix: NamePrefix, readPage: PageReader): Promise<ListOutcome> {
    const definitions: unknown[] = [];
    let cursor: string | undefined;
    let size = 0;
    let ttlMs = this.#maxAgeMs;
    for (let page = 0; page < MAX_PAGES; page++) {
      const answer = await readPage(cursor === undefined ? {} : { cursor });
      // A server without this capability has an empty list, not a broken one.
      if (answer.type === 'error' && answer.code === METHOD_NOT_FOUND) break;
      if (answer.type === 'error') return { type: 'failed', reason: 'protocol' };
      if (answer.type !== 'result') return answer;
      const entries = answer.result[kind];
      if (!Array.isArray(entries)) return { type: 'failed', reason: 'protocol' };
      size += answer.size;
      if (size > MAX_LISTING) return { type: 'failed', reason: 'too-large' };
      ttlMs = Math.min(ttlMs, ttlIn(answer.result));
      for (const entry of entries.slice(0, MAX_ENTRIES - definitions.length) as unknown[]) definitions.push(entry);
      const next = answer.result['nextCursor'];
      if (typeof next !== 'string' || next === cursor || definitions.length >= MAX_ENTRIES) break;
      cursor = next;
    }
    const listing = catalogueOf(kind, server, definitions, prefix);
    if (kind === 'tools') this.#onTools(listing as Catalogue<CataloguedTool>);
    if (listing.dropped.length > 0) this.#onDropped(listing);
    return { type: 'listed', listing, size, readAt: this.#clock(), ttlMs };
  }
}

function catalogueOf(kind: ListKind, server: string, definitions: readonly unknown[], prefix: NamePrefix): Catalogue {
  switch (kind) {
    case 'tools':
      return catalogueTools(server, definitions, prefix);
    case 'prompts':
      return cataloguePrompts(server, definitions, prefix);
    case 'resources': case 'resourceTemplates':
      return catalogueResources(server, kind, definitions, prefix);
  }
}

/** A legacy server says nothing: then our own bound counts. */
function ttlIn({ ttlMs }: JsonObject): number {
  return typeof ttlMs === 'number' && Number.isFinite(ttlMs) ? Math.max(ttlMs, MIN_TTL_MS) : MAX_TTL_MS;
}
