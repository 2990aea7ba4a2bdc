import { BoundedMap } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { JsonObject, RelayFailure } from '@sallyport/mcp-relay';
import { catalogueTools, publicResources } from '@sallyport/server';
import type { ToolCatalogue, ToolPrefix } from '@sallyport/server';
import type { CredentialLease } from './credential-leases.js';
import type { ServerResult } from './read-answer.js';

const MAX_PAGES = 100;
const MAX_ENTRIES = 5_000;
/** Characters of JSON: what one server may offer one identity, and what is remembered of all of them. */
const MAX_LISTING = 8 * 1024 * 1024;
const MAX_REMEMBERED = 128 * 1024 * 1024;
const METHOD_NOT_FOUND = -32601;

export type ListKind = 'tools' | 'resources' | 'resourceTemplates';
export const listMethods = { tools: 'tools/list', resources: 'resources/list', resourceTemplates: 'resources/templates/list' } as const satisfies Record<ListKind, string>;

export interface ResourceListing {
  readonly server: string;
  readonly entries: readonly { readonly uri: string; readonly definition: JsonObject }[];
}
interface Listings {
  readonly tools: ToolCatalogue;
  readonly resources: ResourceListing;
  readonly resourceTemplates: ResourceListing;
}
export type ListOutcome<K extends ListKind> = { readonly type: 'listed'; readonly listing: Listings[K]; /** Characters of JSON it was read from. */ readonly size: number; /** Milliseconds since the epoch. */ readonly readAt: number } | { readonly type: 'credential-rejected' } | { readonly type: 'failed'; readonly reason: RelayFailure | 'protocol' };

/** Asks the server for one page, with the same credential the listing is remembered under. */
export interface PageReader {
  (params: JsonObject): Promise<ServerResult>;
  /** What the listing depends on besides the identity: what the server was told the client can do. */
  readonly variant?: string;
}

/**
 * What each server offers each identity. Nothing one user's listing showed is ever shown to another: the key holds the
 * lease's identity (user, agent, session, server, documents, connection revision) (security rules S14, S15).
 */
export class Catalogues {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #remembered: BoundedMap<string, Extract<ListOutcome<ListKind>, { type: 'listed' }>>;
  readonly #reading = new Map<string, Promise<ListOutcome<ListKind>>>();
  readonly #onDropped: (listing: ToolCatalogue) => void;

  constructor(options: { clock: Clock; maxAgeMs?: number; limit?: number; maxRemembered?: number; onDropped?: (listing: ToolCatalogue) => void }) {
    this.#clock = options.clock;
    this.#maxAgeMs = options.maxAgeMs ?? 60_000;
    this.#remembered = new BoundedMap(options.limit ?? 5_000, { of: ({ size }) => size, limit: options.maxRemembered ?? MAX_REMEMBERED });
    this.#onDropped = options.onDropped ?? (() => undefined);
  }

  /** @param maxAgeMs how old a remembered listing may be. Failures are not remembered. */
  async tools(lease: CredentialLease, prefix: ToolPrefix, readPage: PageReader, maxAgeMs?: number): Promise<ListOutcome<'tools'>> {
    return (await this.#list('tools', lease, prefix, readPage, maxAgeMs)) as ListOutcome<'tools'>;
  }

  async resources(kind: 'resources' | 'resourceTemplates', lease: CredentialLease, prefix: ToolPrefix, readPage: PageReader): Promise<ListOutcome<'resources'>> {
    return (await this.#list(kind, lease, prefix, readPage, undefined)) as ListOutcome<'resources'>;
  }

  async #list(kind: ListKind, lease: CredentialLease, prefix: ToolPrefix, readPage: PageReader, maxAgeMs = this.#maxAgeMs): Promise<ListOutcome<ListKind>> {
    const key = JSON.stringify([kind, lease.identity, prefix, readPage.variant ?? '']);
    const remembered = this.#remembered.get(key);
    if (remembered !== undefined && this.#clock() - remembered.readAt < maxAgeMs) return remembered;
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
    return await reading;
  }

  async #read(kind: ListKind, server: string, prefix: ToolPrefix, readPage: PageReader): Promise<ListOutcome<ListKind>> {
    const definitions: unknown[] = [];
    let cursor: string | undefined;
    let size = 0;
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
      for (const entry of entries.slice(0, MAX_ENTRIES - definitions.length) as unknown[]) definitions.push(entry);
      const next = answer.result['nextCursor'];
      if (typeof next !== 'string' || next === cursor || definitions.length >= MAX_ENTRIES) break;
      cursor = next;
    }
    const readAt = this.#clock();
    if (kind === 'tools') {
      const listing = catalogueTools(server, definitions, prefix);
      if (listing.dropped.length > 0) this.#onDropped(listing);
      return { type: 'listed', listing, size, readAt };
    }
    return { type: 'listed', listing: { server, entries: publicResources(server, kind, definitions, prefix) }, size, readAt };
  }
}
