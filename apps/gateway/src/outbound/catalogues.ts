import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { BoundedMap, SingleFlight } from '@sallyport/kernel';
import { sourcesIn, textAt } from '@sallyport/kernel/json';
import type { Clock } from '@sallyport/kernel';
import type { JsonSource } from '@sallyport/kernel/json';
import type { JsonObject, RelayFailure } from '@sallyport/mcp-relay';
import { cataloguePrompts, catalogueResources, catalogueTools } from '@sallyport/server';
import type { Catalogue, CatalogueEntry, CataloguedTool, CutReason, Naming } from '@sallyport/server';
import type { ListKind } from '../protocol/lists.js';
import type { AtHand } from './at-hand.js';
import type { CredentialLease } from './credential-leases.js';
import type { ServerResult } from './read-answer.js';

const MAX_PAGES = 100;
const MAX_ENTRIES = 5_000;
/** Characters of JSON: what one server may offer one identity, and what is remembered of all of them. */
const MAX_LISTING = 8 * 1024 * 1024;
/** Of as many callers as have tokens and leases that are remembered. */
const MOST_LISTINGS = 20_000;
const MAX_REMEMBERED = 128 * 1024 * 1024;
const METHOD_NOT_FOUND = -32601;
/**
 * However short a server says its list lives, a burst of questions is one; however long, it is asked again after this.
 */
const MIN_TTL_MS = 1_000;
const MAX_TTL_MS = 60_000;
/** A failed reading is not tried again before this; each further one doubles it. */
const MIN_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 10_000;
/** A server that asks for a longer one (`Retry-After`) gets it, up to this. */
const MAX_ASKED_PAUSE_MS = 5 * 60_000;
/** A server that was too slow once is asked, and not waited for longer than this. */
const SLOW_WAIT_MS = 500;
/** Better than nothing: what a server that does not answer in time listed before. */
const MAX_STALE_MS = 10 * 60_000;
/**
 * For a call that only has to find the tool or prompt of a name: an agent that thinks for a minute between two calls
 * does not pay for a list with each. The server still says itself what it no longer has; see `Catalogues.doubt`.
 */
export const NAMES_GOOD_MS = 10 * 60_000;
/** Not all replicas and users try at the same moment: by up to this part, pauses are shorter. */
const JITTER = 0.25;

/** Nothing was shown to the server, whoever it would have been for. */
const UNREACHED: ReadonlySet<string> = new Set<RelayFailure>([
  'unreachable',
  'proxy-failed',
  'refused-destination',
  'server-untrusted',
]);

export type Entry<K extends ListKind> = K extends 'tools' ? CataloguedTool : CatalogueEntry;
interface Listed<E extends CatalogueEntry> {
  readonly type: 'listed';
  readonly listing: Catalogue<E>;
  /** Milliseconds since the epoch. */
  readonly readAt: number;
  /** Milliseconds the server vouches for it, within our bounds. */
  readonly ttlMs: number;
}
/** What one identity was shown, and when; what it is, is kept once for all who were shown the same. */
interface Remembered extends Pick<Listed<CatalogueEntry>, 'readAt' | 'ttlMs'> {
  /** Digest of the texts it was made from. */
  readonly digest: string;
}
interface Content {
  readonly listing: Catalogue;
  /** Characters of JSON it was made from. */
  readonly size: number;
}
type Failed = Extract<ServerResult, { type: 'failed' }>;
/** `retryAfterSeconds`: nobody asks the server before that. */
export type ListOutcome<E extends CatalogueEntry = CatalogueEntry> =
  | Listed<E>
  | Failed
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

/** How good a listing has to be. */
export interface Freshness {
  /** How old a remembered one may be; `ttl`: as old as the server said. A minute if not said. */
  readonly maxAgeMs?: number | 'ttl' | undefined;
  /**
   * After this an older one will do, or none. Without it the reading is waited for, which has a time-out of its own.
   */
  readonly waitMs?: number | undefined;
}

/**
 * Asks the server for one page, with the same credential the listing is remembered under. A larger one is not parsed.
 */
export interface PageReader {
  (params: JsonObject, maxSize: number): Promise<ServerResult>;
  /** What the listing depends on besides the identity: what the server was told the client can do. */
  readonly variant?: string;
}

/**
 * What each server offers each identity. Nothing one user's listing showed is ever shown to another, also where the
 * server calls it public: the key holds the lease's identity (user, agent, session, server, documents, connection
 * revision) (security rules S14, S15). Users who were each shown the same, to the letter, share the memory it takes.
 */
export class Catalogues {
  readonly #clock: Clock;
  readonly #maxAgeMs: number;
  readonly #remembered: BoundedMap<string, Remembered>;
  /** By digest. */
  readonly #contents: BoundedMap<string, Content>;
  /** Identities whose server refused a call, and when; in milliseconds since the epoch. */
  readonly #doubts: BoundedMap<string, number>;
  readonly #reading = new SingleFlight<string, ListOutcome>();
  readonly #random: () => number;
  readonly #pauses = new BoundedMap<string, Pause>(5_000);
  /** Lists of servers that somebody gave up waiting for, and after how many milliseconds. */
  readonly #slow = new BoundedMap<string, number>(5_000);
  readonly #onRead: (kind: ListKind, listing: Catalogue) => void;
  readonly #onTools: (listing: Catalogue<CataloguedTool>) => void;

  constructor(options: {
    clock: Clock;
    /** 0 to 1. */ random?: () => number;
    maxAgeMs?: number;
    limit?: number;
    maxRemembered?: number;
    /** Each time a list was read. */ onRead?: (kind: ListKind, listing: Catalogue) => void;
    /** Each time a server's tools were read. */ onTools?: (listing: Catalogue<CataloguedTool>) => void;
  }) {
    this.#clock = options.clock;
    this.#random = options.random ?? Math.random;
    this.#maxAgeMs = options.maxAgeMs ?? MAX_TTL_MS;
    const { limit = MOST_LISTINGS } = options;
    this.#remembered = new BoundedMap(limit);
    this.#contents = new BoundedMap(limit, {
      of: ({ size }) => size,
      limit: options.maxRemembered ?? MAX_REMEMBERED,
    });
    this.#doubts = new BoundedMap(limit);
    this.#onRead = options.onRead ?? (() => undefined);
    this.#onTools = options.onTools ?? (() => undefined);
  }

  /**
   * Those who ask at the same time with one identity are answered by one reading. A failure is remembered for seconds,
   * with back-off: for the identity it was made with, or for all where the server was not even reached; one of those
   * who ask after that tries again. A reading goes on when nobody waits for it any more, and its outcome is remembered.
   */
  async list<K extends ListKind>(
    kind: K,
    lease: CredentialLease,
    naming: Naming,
    readPage: PageReader,
    { maxAgeMs = this.#maxAgeMs, waitMs }: Freshness = {},
  ): Promise<ListOutcome<Entry<K>>> {
    const key = keyOf(kind, lease, naming, readPage.variant);
    const slow = slowKeyOf(kind, lease);
    const remembered = this.#find<K>(key);
    const ageMs = remembered === undefined ? Infinity : this.#clock() - remembered.readAt;
    const goodForMs =
      maxAgeMs === 'ttl' ? (remembered?.ttlMs ?? 0) : this.#goodForMs(remembered?.readAt ?? 0, lease, maxAgeMs);
    const isSlow = this.#slow.get(slow) !== undefined;
    if (remembered !== undefined && ageMs < goodForMs) {
      // Nobody waits then for what can be asked for in time.
      if (isSlow && ageMs > goodForMs / 2) void this.#outcomeOf(kind, key, slow, lease, naming, readPage);
      return remembered;
    }
    const outcome = this.#outcomeOf(kind, key, slow, lease, naming, readPage) as Promise<ListOutcome<Entry<K>>>;
    if (waitMs === undefined) return await outcome;
    const inTime = await within(outcome, isSlow ? Math.min(waitMs, SLOW_WAIT_MS) : waitMs);
    if (inTime !== undefined) return inTime;
    this.#slow.set(slow, waitMs);
    return remembered !== undefined && ageMs < MAX_STALE_MS
      ? { ...remembered, ttlMs: 0 }
      : { type: 'failed', reason: 'timeout' };
  }

  /** What is remembered and that fresh, where nothing has to be read, now or in the background. */
  atHand<K extends ListKind>(
    kind: K,
    lease: CredentialLease,
    naming: Naming,
    variant: string,
    maxAgeMs = this.#maxAgeMs,
  ): AtHand<Catalogue<Entry<K>>> | undefined {
    const key = keyOf(kind, lease, naming, variant);
    const slow = slowKeyOf(kind, lease);
    const find = () => {
      const remembered = this.#remembered.get(key);
      if (remembered === undefined) return undefined;
      const ageMs = this.#clock() - remembered.readAt;
      const goodForMs = this.#goodForMs(remembered.readAt, lease, maxAgeMs);
      if (ageMs >= goodForMs || (ageMs > goodForMs / 2 && this.#slow.get(slow) !== undefined)) return undefined;
      return this.#contents.get(remembered.digest)?.listing as Catalogue<Entry<K>> | undefined;
    };
    const value = find();
    return value && { value, isCurrent: () => find() === value };
  }

  #find<K extends ListKind>(key: string): Listed<Entry<K>> | undefined {
    const remembered = this.#remembered.get(key);
    const content = remembered && this.#contents.get(remembered.digest);
    if (remembered === undefined || content === undefined) return undefined;
    const { readAt, ttlMs } = remembered;
    return { type: 'listed', listing: content.listing as Catalogue<Entry<K>>, readAt, ttlMs };
  }

  /** What was read before the server refused a call counts no longer than it does for anything else. */
  #goodForMs(readAt: number, { identity }: CredentialLease, maxAgeMs: number): number {
    if (maxAgeMs <= this.#maxAgeMs) return maxAgeMs;
    const doubted = this.#doubts.get(identity);
    return doubted !== undefined && doubted >= readAt ? this.#maxAgeMs : maxAgeMs;
  }

  /**
   * Of the reading that is under way, of one that begins, or of the last, where it failed and is not to be tried again
   * yet.
   */
  #outcomeOf(
    kind: ListKind,
    key: string,
    slow: string,
    lease: CredentialLease,
    naming: Naming,
    readPage: PageReader,
  ): Promise<ListOutcome> {
    const running = this.#reading.running(key);
    if (running !== undefined) return running;
    const everybody = JSON.stringify([lease.server, lease.targetOrigin]);
    const pauses = [key, everybody].flatMap((of) => this.#pauses.get(of) ?? []);
    const pause = pauses.find(({ isTried, until }) => isTried || this.#clock() < until);
    if (pause !== undefined)
      return Promise.resolve({
        ...pause.failed,
        retryAfterSeconds: Math.max(1, Math.ceil((pause.until - this.#clock()) / 1000)),
      });
    for (const tried of pauses) tried.isTried = true;
    const startedAt = this.#clock();
    const reading = this.#reading.run(key, async () => {
      try {
        const outcome = await this.#read(kind, key, lease.server, naming, readPage);
        this.#note(key, everybody, outcome);
        if (this.#clock() - startedAt < (this.#slow.get(slow) ?? 0)) this.#slow.delete(slow);
        return outcome;
      } finally {
        for (const tried of pauses) tried.isTried = false;
      }
    });
    reading.catch(() => undefined); // whoever waits for it hears of it
    return reading;
  }

  #note(key: string, everybody: string, outcome: ListOutcome): void {
    // A credential that is not taken, and one that lacks scopes, is renewed and tried again.
    const isTheirs = outcome.type === 'failed' && outcome.reason !== 'no-room' && outcome.challenge === undefined;
    const of = isTheirs && UNREACHED.has(outcome.reason) ? everybody : key;
    const before = this.#pauses.get(of);
    if (of === key) this.#pauses.delete(everybody); // it was reached
    if (!isTheirs) return void this.#pauses.delete(key);
    const failures = (before?.failures ?? 0) + 1;
    const asked = Math.min((outcome.retryAfterSeconds ?? 0) * 1_000, MAX_ASKED_PAUSE_MS);
    const pauseMs = Math.max(
      asked,
      Math.min(MIN_PAUSE_MS * 2 ** (failures - 1), MAX_PAUSE_MS) * (1 - JITTER * this.#random()),
    );
    this.#pauses.set(of, { failed: outcome, failures, until: this.#clock() + pauseMs, isTried: false });
  }

  /** The server refused a call: it may have other tools than it listed, or want other headers with them. */
  doubt({ identity }: Pick<CredentialLease, 'identity'>): void {
    this.#doubts.set(identity, this.#clock());
  }

  /** The server said that its lists changed: what it showed this identity is read anew. */
  forget(lease: CredentialLease): void {
    const identity = JSON.stringify(lease.identity);
    this.#remembered.deleteWhere((_listed, key) => key.includes(identity));
    this.#pauses.deleteWhere((_pause, key) => key.includes(identity));
  }

  async #read(kind: ListKind, key: string, server: string, naming: Naming, readPage: PageReader): Promise<ListOutcome> {
    const definitions: JsonSource[] = [];
    let cursor: string | undefined;
    let size = 0;
    let ttlMs = this.#maxAgeMs;
    let cut: CutReason | undefined;
    for (let page = 1; ; page++) {
      const answer = await readPage(cursor === undefined ? {} : { cursor }, MAX_LISTING - size);
      // A server without this capability has an empty list, not a broken one.
      if (answer.type === 'error' && answer.said.code === METHOD_NOT_FOUND) break;
      if (answer.type === 'error')
        return {
          type: 'failed',
          reason: 'refused',
          said: answer.said,
          ...(answer.status === 200 ? {} : { status: answer.status }),
        };
      if (answer.type !== 'result') return answer;
      const entries = answer.result[kind];
      if (!Array.isArray(entries)) return { type: 'failed', reason: 'protocol' };
      size += answer.size;
      if (size > MAX_LISTING) return { type: 'failed', reason: 'too-large' };
      ttlMs = Math.min(ttlMs, ttlIn(answer.result));
      const room = MAX_ENTRIES - definitions.length;
      definitions.push(...sourcesIn(textAt(answer.json, [kind]) ?? '[]', entries).slice(0, room));
      const next = answer.result['nextCursor'];
      const hasMore = typeof next === 'string';
      cut =
        entries.length > room || (hasMore && entries.length === room)
          ? 'too-many-entries'
          : hasMore && next === cursor
            ? 'repeated-cursor'
            : hasMore && page === MAX_PAGES
              ? 'too-many-pages'
              : undefined;
      if (!hasMore || cut !== undefined) break;
      cursor = next;
    }
    const listing = this.#keep(key, size, ttlMs, digestOf(kind, server, naming, definitions, cut), () => {
      const whole = catalogueOf(kind, server, definitions, naming);
      return cut === undefined ? whole : { ...whole, dropped: [{ name: '', reason: cut }, ...whole.dropped] };
    });
    if (kind === 'tools') this.#onTools(listing as Catalogue<CataloguedTool>);
    this.#onRead(kind, listing);
    return { type: 'listed', listing, readAt: this.#clock(), ttlMs };
  }

  /** Remembers what was read. @param make makes the listing, where nobody was shown the same */
  #keep(key: string, size: number, ttlMs: number, digest: string, make: () => Catalogue): Catalogue {
    let content = this.#contents.get(digest);
    if (content === undefined) this.#contents.set(digest, (content = { listing: make(), size }));
    this.#remembered.set(key, { digest, readAt: this.#clock(), ttlMs });
    return content.listing;
  }
}

/** Of everything that a listing is made from. */
function digestOf(
  kind: ListKind,
  server: string,
  naming: Naming,
  definitions: readonly JsonSource[],
  cut: CutReason | undefined,
): string {
  const hash = createHash('sha256').update(JSON.stringify([kind, server, naming, cut]));
  for (const { json } of definitions) hash.update(`\n${json.length}\n${json}`);
  return hash.digest('base64url');
}

/** Everything that a listing depends on. */
const keyOf = (kind: ListKind, { identity }: CredentialLease, naming: Naming, variant = ''): string =>
  JSON.stringify([kind, identity, naming, variant]);

const slowKeyOf = (kind: ListKind, { server, targetOrigin }: CredentialLease): string =>
  JSON.stringify([kind, server, targetOrigin]);

function catalogueOf(kind: ListKind, server: string, definitions: readonly JsonSource[], naming: Naming): Catalogue {
  switch (kind) {
    case 'tools':
      return catalogueTools(server, definitions, naming);
    case 'prompts':
      return cataloguePrompts(server, definitions, naming);
    case 'resources':
    case 'resourceTemplates':
      return catalogueResources(server, kind, definitions, naming.prefix);
  }
}

/** `undefined` when it takes longer. */
async function within<T>(promise: Promise<T>, ms: number): Promise<T | undefined> {
  const late = new AbortController();
  try {
    return await Promise.race([promise, sleep(ms, undefined, { signal: late.signal })]);
  } finally {
    late.abort();
  }
}

/** A legacy server says nothing: then our own bound counts. */
function ttlIn({ ttlMs }: JsonObject): number {
  return typeof ttlMs === 'number' && Number.isFinite(ttlMs) ? Math.max(ttlMs, MIN_TTL_MS) : MAX_TTL_MS;
}
