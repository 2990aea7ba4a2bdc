import { BoundedMap } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import type { JsonObject, RelayFailure } from '@sallyport/mcp-relay';
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
/** A failed reading is not tried again before this; each further one doubles it. */
const MIN_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 10_000;
/** Not all replicas and users try at the same moment: by up to this part, pauses are shorter. */
const JITTER = 0.25;

/** Nothing was shown to the server, whoever it would have been for. */
const UNREACHED: ReadonlySet<string> = new Set<RelayFailure>([
  'unreachable',
  'refused-destination',
  'server-untrusted',
]);

export type ListKind = 'tools' | 'prompts' | 'resources' | 'resourceTemplates';
export const listMethods = {
  tools: 'tools/list',
  prompts: 'prompts/list',
  resources: 'resources/list',
  resourceTemplates: 'resources/templates/list',
} as const satisfies Record<ListKind, string>;

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
type Failed = Extract<ServerResult, { type: 'failed' }>;
/** `retryAfterSeconds`: nobody asks the server before that. */
export type ListOutcome<E extends CatalogueEntry = CatalogueEntry> =
  | Listed<E>
  | (Failed & { readonly retryAfterSeconds?: number })
  | Extract<ServerResult, { type: 'credential-rejected' }>;
/** A failure that is remembered. */
interface Pause {
  readonly failed: Failed;
  readonly failures: number;
  /** Milliseconds since the epoch. */
  readonly until: number;
  /** Somebody tries whether it is over; everybody else is still told what was wrong. */
  isTried: boolean;
}

/** Asks the server for one page, with the same credential the listing is remembered under. A larger one is not parsed. */
export interface PageReader {
  (params: JsonObject, maxSize: number): Promise<ServerResult>;
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
  readonly #random: () => number;
  readonly #pauses = new BoundedMap<string, Pause>(5_000);
  readonly #onDropped: (listing: Catalogue) => void;
  readonly #onTools: (listing: Catalogue<CataloguedTool>) => void;

  constructor(options: {
    clock: Clock;
    /** 0 to 1. */ random?: () => number;
    maxAgeMs?: number;
    limit?: number;
    maxRemembered?: number;
    onDropped?: (listing: Catalogue) => void;
    /** Each time a server's tools were read. */ onTools?: (listing: Catalogue<CataloguedTool>) => void;
  }) {
    this.#clock = options.clock;
    this.#random = options.random ?? Math.random;
    this.#maxAgeMs = options.maxAgeMs ?? MAX_TTL_MS;
    this.#remembered = new BoundedMap(options.limit ?? 5_000, {
      of: ({ size }) => size,
      limit: options.maxRemembered ?? MAX_REMEMBERED,
    });
    this.#onDropped = options.onDropped ?? (() => undefined);
    this.#onTools = options.onTools ?? (() => undefined);
  }

  /**
   * Those who ask at the same time with one identity are answered by one reading. A failure is remembered for seconds, with
   * back-off: for the identity it was made with, or for all where the server was not even reached; one of those who ask
   * after that tries again.
   * @param maxAgeMs how old a remembered listing may be; `ttl`: as old as the server said.
   */
  async list<K extends ListKind>(
    kind: K,
    lease: CredentialLease,
    prefix: NamePrefix,
    readPage: PageReader,
    maxAgeMs: number | 'ttl' = this.#maxAgeMs,
  ): Promise<ListOutcome<Entry<K>>> {
    const key = JSON.stringify([kind, lease.identity, prefix, readPage.variant ?? '']);
    const remembered = this.#remembered.get(key);
    if (
      remembered !== undefined &&
      this.#clock() - remembered.readAt < (maxAgeMs === 'ttl' ? remembered.ttlMs : maxAgeMs)
    )
      return remembered as Listed<Entry<K>>;
    const running = this.#reading.get(key);
    if (running !== undefined) return (await running) as ListOutcome<Entry<K>>;
    const everybody = JSON.stringify([lease.server, lease.targetOrigin]);
    const pauses = [key, everybody].flatMap((of) => this.#pauses.get(of) ?? []);
    const pause = pauses.find(({ isTried, until }) => isTried || this.#clock() < until);
    if (pause !== undefined)
      return { ...pause.failed, retryAfterSeconds: Math.max(1, Math.ceil((pause.until - this.#clock()) / 1000)) };
    for (const tried of pauses) tried.isTried = true;
    const reading = this.#read(kind, lease.server, prefix, readPage)
      .then((outcome) => {
        this.#note(key, everybody, outcome);
        return outcome;
      })
      .finally(() => {
        this.#reading.delete(key);
        for (const tried of pauses) tried.isTried = false;
      });
    this.#reading.set(key, reading);
    return (await reading) as ListOutcome<Entry<K>>;
  }

  #note(key: string, everybody: string, outcome: ListOutcome): void {
    if (outcome.type === 'listed') this.#remembered.set(key, outcome);
    // A credential that is not taken, and one that lacks scopes, is renewed and tried again.
    const isTheirs = outcome.type === 'failed' && outcome.reason !== 'no-room' && outcome.challenge === undefined;
    const of = isTheirs && UNREACHED.has(outcome.reason) ? everybody : key;
    const before = this.#pauses.get(of);
    if (of === key) this.#pauses.delete(everybody); // it was reached
    if (!isTheirs) return void this.#pauses.delete(key);
    const failures = (before?.failures ?? 0) + 1;
    const pauseMs = Math.min(MIN_PAUSE_MS * 2 ** (failures - 1), MAX_PAUSE_MS) * (1 - JITTER * this.#random());
    this.#pauses.set(of, { failed: outcome, failures, until: this.#clock() + pauseMs, isTried: false });
  }

  /** The server said that its lists changed: what it showed this identity is read anew. */
  forget(lease: CredentialLease): void {
    const identity = JSON.stringify(lease.identity);
    this.#remembered.deleteWhere((_listed, key) => key.includes(identity));
    this.#pauses.deleteWhere((_pause, key) => key.includes(identity));
  }

  async #read(kind: ListKind, server: string, prefix: NamePrefix, readPage: PageReader): Promise<ListOutcome> {
    const definitions: unknown[] = [];
    let cursor: string | undefined;
    let size = 0;
    let ttlMs = this.#maxAgeMs;
    for (let page = 0; page < MAX_PAGES; page++) {
      const answer = await readPage(cursor === undefined ? {} : { cursor }, MAX_LISTING - size);
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
    case 'resources':
    case 'resourceTemplates':
      return catalogueResources(server, kind, definitions, prefix);
  }
}

/** A legacy server says nothing: then our own bound counts. */
function ttlIn({ ttlMs }: JsonObject): number {
  return typeof ttlMs === 'number' && Number.isFinite(ttlMs) ? Math.max(ttlMs, MIN_TTL_MS) : MAX_TTL_MS;
}
