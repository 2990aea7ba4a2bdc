import { setTimeout as sleep } from 'node:timers/promises';
import type { RelayAnswer } from './relay.js';
import { isJsonObject } from './json-rpc.js';
import type { JsonObject, ServerMessage } from './json-rpc.js';

/** What a session of a server older than 2026-07-28 offers beside the calls in it. */
export interface LegacyStreamSource {
  /** As the server declared them in `initialize`. */
  readonly capabilities: JsonObject;
  /** Opens the server's own stream (GET); answers 405 where there is none. */
  readonly open: (signal: AbortSignal) => Promise<RelayAnswer>;
  /** A request without an answer worth reading. @returns whether it was done. */
  readonly ask: (method: 'resources/subscribe' | 'resources/unsubscribe', uri: string) => Promise<boolean>;
  readonly respond: (body: JsonObject) => void;
  /** What is neither a change nor a `ping`, for a call under way; questions come with `respond`. */
  readonly hear: (message: ServerMessage) => void;
}

const LISTS = { toolsListChanged: 'tools', promptsListChanged: 'prompts', resourcesListChanged: 'resources' } as const;
const UPDATED = 'notifications/resources/updated';
const CHANGES: ReadonlySet<string> = new Set([
  ...Object.values(LISTS).map((kind) => `notifications/${kind}/list_changed`),
  UPDATED,
]);
/** Servers allow one stream per session, and see a moment late that it is closed: it is kept for whoever comes next. */
const LINGER_MS = 1_000;
const MAX_URIS = 1_000;
/**
 * A call waits this long for the stream, once: then what a slow server asks at once may be lost, and the call is not.
 */
const OPENING_MS = 1_000;

interface Listener {
  readonly uris: ReadonlySet<string>;
  /** Notifications it agreed to hear; each change waits at most once. */
  readonly methods: ReadonlySet<string>;
  readonly pending: Map<string, JsonObject>;
  hasEnded: boolean;
  wake: () => void;
}

/**
 * The one stream of its own that a server offers a legacy session (2025-11-25, GET), open only while somebody needs it.
 * Those who listen hear what changes, with one `resources/subscribe` per URI, in the words of `subscriptions/listen`
 * (2026-07-28). While calls attend, what the server asks or tells beside them is theirs.
 */
export class LegacyStream {
  readonly #source: LegacyStreamSource;
  readonly #onClosed: (status: number | undefined) => void;
  readonly #listeners = new Set<Listener>();
  /** Asked for in turn: a server must not see the end of one subscription after the beginning of the next. */
  readonly #uris = new Map<string, { count: number; agreed: Promise<boolean> }>();
  readonly #stop = new AbortController();
  #opened: Promise<RelayAnswer> | undefined;
  #openedInTime: Promise<unknown> | undefined;
  /** Those who come to listen, and calls that attend. */
  #present = 0;
  #linger: NodeJS.Timeout | undefined;

  /**
   * @param onClosed it listens no more, and is not to be asked again; with the server's status when it has no such
   * stream.
   */
  constructor(source: LegacyStreamSource, onClosed: (status: number | undefined) => void) {
    this.#source = source;
    this.#onClosed = onClosed;
  }

  hears(uri: unknown): boolean {
    return typeof uri === 'string' && (this.#uris.get(uri)?.count ?? 0) > 0;
  }

  /**
   * The server's refusal when it has no stream; else a stream that begins with what it agreed to, and ends with
   * `signal`.
   */
  async listen(params: JsonObject, signal: AbortSignal): Promise<RelayAnswer> {
    this.#present += 1;
    try {
      const opened = await (this.#opened ??= this.#open());
      if (opened.type !== 'stream') return opened;
      return {
        type: 'stream',
        status: 200,
        messages: await this.#admit(isJsonObject(params['notifications']) ? params['notifications'] : {}, signal),
        position: { lastEventId: undefined, retryMs: undefined },
        sessionId: undefined,
      };
    } finally {
      this.#leaveRoom();
    }
  }

  /** Keeps it open for a call that is about to be made. @returns what to call when that is over. */
  async attend(): Promise<() => void> {
    this.#present += 1;
    this.#opened ??= this.#open();
    const giveUp = new AbortController();
    this.#openedInTime ??= Promise.race([
      this.#opened.finally(() => giveUp.abort()),
      sleep(OPENING_MS, undefined, { signal: giveUp.signal, ref: false }).catch(() => undefined),
    ]);
    await this.#openedInTime;
    return () => this.#leaveRoom();
  }

  #leaveRoom(): void {
    this.#present -= 1;
    this.#closeUnlessHeard();
  }

  async #open(): Promise<RelayAnswer> {
    const answer = await this.#source.open(this.#stop.signal);
    if (answer.type === 'stream') void this.#pump(answer.messages);
    else this.#close('status' in answer ? answer.status : undefined);
    return answer;
  }

  async #admit(wanted: JsonObject, signal: AbortSignal): Promise<AsyncIterable<ServerMessage>> {
    const { capabilities } = this.#source;
    const offers = (kind: string, what: string) =>
      isJsonObject(capabilities[kind]) && capabilities[kind][what] === true;
    const lists = Object.entries(LISTS).filter(([list, kind]) => wanted[list] === true && offers(kind, 'listChanged'));
    const uris =
      offers('resources', 'subscribe') && Array.isArray(wanted['resourceSubscriptions'])
        ? wanted['resourceSubscriptions'].filter((uri) => typeof uri === 'string')
        : [];
    const joined = [...new Set(uris)]
      .filter((uri) => this.#uris.has(uri) || this.#uris.size < MAX_URIS)
      .map((uri) => ({ uri, agreed: this.#join(uri) }));
    // Heard of from here on, whatever the server says first.
    const listener: Listener = {
      uris: new Set(joined.map(({ uri }) => uri)),
      methods: new Set([...lists.map(([, kind]) => `notifications/${kind}/list_changed`), UPDATED]),
      pending: new Map(),
      hasEnded: this.#stop.signal.aborted,
      wake: () => undefined,
    };
    this.#listeners.add(listener);
    const leave = () => this.#leave(listener);
    signal.addEventListener('abort', leave, { once: true });
    const agreed = (
      await Promise.all(joined.map(async ({ uri, agreed: answer }) => ((await answer) ? [uri] : [])))
    ).flat();
    if (signal.aborted) leave();
    const acknowledged = {
      ...Object.fromEntries(lists.map(([list]) => [list, true])),
      ...(agreed.length > 0 ? { resourceSubscriptions: agreed } : {}),
    };
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
    if (this.#listeners.size + this.#present === 0 && !this.#stop.signal.aborted)
      this.#linger = setTimeout(() => this.#close(), LINGER_MS).unref();
  }

  #close(status?: number): void {
    clearTimeout(this.#linger);
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    this.#onClosed(status);
    for (const listener of this.#listeners) end(listener);
  }

  async #pump(messages: AsyncIterable<ServerMessage>): Promise<void> {
    try {
      for await (const message of messages) {
        const { id, method, params } = message.value;
        if (typeof method !== 'string') continue;
        if (id !== undefined && method === 'ping') this.#source.respond({ jsonrpc: '2.0', id, result: {} });
        else if (id === undefined && CHANGES.has(method))
          this.#tell(method, isJsonObject(params) ? params['uri'] : undefined);
        else
          this.#source.hear(
            id === undefined
              ? message
              : { ...message, respond: (answer) => this.#source.respond({ ...answer, jsonrpc: '2.0', id }) },
          );
      }
    } catch {
      // broken off, or closed here: those who listen learn it below
    }
    this.#close();
  }

  #tell(method: string, uri: unknown): void {
    for (const listener of this.#listeners) {
      const isHeard =
        listener.methods.has(method) && (method !== UPDATED || (typeof uri === 'string' && listener.uris.has(uri)));
      if (!isHeard) continue;
      listener.pending.set(method === UPDATED ? `${method} ${String(uri)}` : method, {
        jsonrpc: '2.0',
        method,
        params: method === UPDATED ? { uri } : {},
      });
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
    yield messageOf({
      jsonrpc: '2.0',
      method: 'notifications/subscriptions/acknowledged',
      params: { notifications: acknowledged },
    });
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
