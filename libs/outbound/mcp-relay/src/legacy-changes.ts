import type { RelayAnswer } from './create-relay.js';
import { isJsonObject } from './json-rpc.js';
import type { JsonObject, ServerMessage } from './json-rpc.js';

/** What a session of a server older than 2026-07-28 offers to whoever wants to hear of changes. */
export interface ChangesSource {
  /** As the server declared them in `initialize`. */
  readonly capabilities: JsonObject;
  /** Opens the server's own stream (GET); answers 405 where there is none. */
  readonly open: (signal: AbortSignal) => Promise<RelayAnswer>;
  /** A request without an answer worth reading. @returns whether it was done. */
  readonly ask: (method: 'resources/subscribe' | 'resources/unsubscribe', uri: string) => Promise<boolean>;
  readonly respond: (body: JsonObject) => void;
}

const LISTS = { toolsListChanged: 'tools', promptsListChanged: 'prompts', resourcesListChanged: 'resources' } as const;
const UPDATED = 'notifications/resources/updated';
/** Servers allow one stream per session, and see a moment late that it is closed: it is kept for whoever comes next. */
const LINGER_MS = 1_000;
const MAX_URIS = 1_000;

interface Listener {
  readonly uris: ReadonlySet<string>;
  /** Notifications it agreed to hear; each change waits at most once. */
  readonly methods: ReadonlySet<string>;
  readonly pending: Map<string, JsonObject>;
  hasEnded: boolean;
  wake: () => void;
}

/**
 * The changes one legacy session announces, for all who listen in it: one stream of the server's (2025-11-25, GET) and one
 * `resources/subscribe` per URI, both only while somebody listens. Speaks `subscriptions/listen` (2026-07-28) toward them.
 */
export class LegacyChanges {
  readonly #source: ChangesSource;
  readonly #onClosed: () => void;
  readonly #listeners = new Set<Listener>();
  /** Asked for in turn: a server must not see the end of one subscription after the beginning of the next. */
  readonly #uris = new Map<string, { count: number; agreed: Promise<boolean> }>();
  readonly #stop = new AbortController();
  #opened: Promise<RelayAnswer> | undefined;
  #arriving = 0;
  #linger: NodeJS.Timeout | undefined;

  /** @param onClosed it listens no more, and is not to be asked again. */
  constructor(source: ChangesSource, onClosed: () => void) {
    this.#source = source;
    this.#onClosed = onClosed;
  }

  hears(uri: unknown): boolean {
    return typeof uri === 'string' && (this.#uris.get(uri)?.count ?? 0) > 0;
  }

  /** The server's refusal when it has no stream; else a stream that begins with what it agreed to, and ends with `signal`. */
  async listen(params: JsonObject, signal: AbortSignal): Promise<RelayAnswer> {
    this.#arriving += 1;
    try {
      const opened = await (this.#opened ??= this.#open());
      if (opened.type !== 'stream') return opened;
      return { type: 'stream', status: 200, messages: await this.#admit(isJsonObject(params['notifications']) ? params['notifications'] : {}, signal), position: { lastEventId: undefined, retryMs: undefined }, sessionId: undefined };
    } finally {
      this.#arriving -= 1;
      this.#closeUnlessHeard();
    }
  }

  async #open(): Promise<RelayAnswer> {
    const answer = await this.#source.open(this.#stop.signal);
    if (answer.type === 'stream') void this.#pump(answer.messages);
    else this.#close();
    return answer;
  }

  async #admit(wanted: JsonObject, signal: AbortSignal): Promise<AsyncIterable<ServerMessage>> {
    const { capabilities } = this.#source;
    const offers = (kind: string, what: string) => isJsonObject(capabilities[kind]) && capabilities[kind][what] === true;
    const lists = Object.entries(LISTS).filter(([list, kind]) => wanted[list] === true && offers(kind, 'listChanged'));
    const uris = offers('resources', 'subscribe') && Array.isArray(wanted['resourceSubscriptions']) ? wanted['resourceSubscriptions'].filter((uri) => typeof uri === 'string') : [];
    const joined = [...new Set(uris)].filter((uri) => this.#uris.has(uri) || this.#uris.size < MAX_URIS).map((uri) => ({ uri, agreed: this.#join(uri) }));
    // Heard of from here on, whatever the server says first.
    const listener: Listener = { uris: new Set(joined.map(({ uri }) => uri)), methods: new Set([...lists.map(([, kind]) => `notifications/${kind}/list_changed`), UPDATED]), pending: new Map(), hasEnded: this.#stop.signal.aborted, wake: () => undefined };
    this.#listeners.add(listener);
    const leave = () => this.#leave(listener);
    signal.addEventListener('abort', leave, { once: true });
    const agreed = (await Promise.all(joined.map(async ({ uri, agreed: answer }) => ((await answer) ? [uri] : [])))).flat();
    if (signal.aborted) leave();
    const acknowledged = { ...Object.fromEntries(lists.map(([list]) => [list, true])), ...(agreed.length > 0 ? { resourceSubscriptions: agreed } : {}) };
    return told(listener, acknowledged, () => {
      signal.removeEventListener('abort', leave);
      leave();
    });
  }

  #join(uri: string): Promise<boolean> {
    const known = this.#uris.get(uri) ?? { count: 0, agreed: Promise.resolve(false) };
    this.#uris.set(uri, known);
    known.count += 1;
    if (known.count === 1) known.agreed = known.agreed.then(() => this.#source.ask('resources/subscribe', uri));
    return known.agreed;
  }

  #leave(listener: Listener): void {
    end(listener);
    if (!this.#listeners.delete(listener)) return;
    for (const uri of listener.uris) {
      const known = this.#uris.get(uri);
      if (known === undefined || --known.count > 0) continue;
      known.agreed = known.agreed.then(async () => {
        await this.#source.ask('resources/unsubscribe', uri);
        if (known.count === 0) this.#uris.delete(uri);
        return false;
      });
    }
    this.#closeUnlessHeard();
  }

  #closeUnlessHeard(): void {
    clearTimeout(this.#linger);
    if (this.#listeners.size + this.#arriving === 0 && !this.#stop.signal.aborted) this.#linger = setTimeout(() => this.#close(), LINGER_MS).unref();
  }

  #close(): void {
    clearTimeout(this.#linger);
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#onClosed();
    for (const listener of this.#listeners) end(listener);
  }

  /** The server's stream, for everybody who agreed to hear it; what it asks there nobody can answer. */
  async #pump(messages: AsyncIterable<ServerMessage>): Promise<void> {
    try {
      for await (const { value: { id, method, params } } of messages) {
        if (typeof method !== 'string') continue;
        if (id !== undefined) this.#source.respond({ jsonrpc: '2.0', id, ...(method === 'ping' ? { result: {} } : { error: { code: -32601, message: 'Method not found' } }) });
        else this.#tell(method, isJsonObject(params) ? params['uri'] : undefined);
      }
    } catch {
      // broken off, or closed here: those who listen learn it below
    }
    this.#close();
  }

  #tell(method: string, uri: unknown): void {
    for (const listener of this.#listeners) {
      const isHeard = listener.methods.has(method) && (method !== UPDATED || (typeof uri === 'string' && listener.uris.has(uri)));
      if (!isHeard) continue;
      listener.pending.set(method === UPDATED ? `${method} ${String(uri)}` : method, { jsonrpc: '2.0', method, params: method === UPDATED ? { uri } : {} });
      listener.wake();
    }
  }
}

function end(listener: Listener): void {
  listener.hasEnded = true;
  listener.wake();
}

async function* told(listener: Listener, acknowledged: JsonObject, leave: () => void): AsyncGenerator<ServerMessage> {
  try {
    yield messageOf({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params: { notifications: acknowledged } });
    for (;;) {
      const [next] = listener.pending;
      if (next !== undefined) {
        listener.pending.delete(next[0]);
        yield messageOf(next[1]);
      } else if (listener.hasEnded) return;
      else await new Promise<void>((resolve) => (listener.wake = resolve));
    }
  } finally {
    leave();
  }
}

const messageOf = (value: JsonObject): ServerMessage => ({ json: JSON.stringify(value), value });
