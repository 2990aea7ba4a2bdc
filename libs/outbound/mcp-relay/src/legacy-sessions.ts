import { BoundedMap, SingleFlight } from '@sallyport/kernel';
import type { Clock } from '@sallyport/kernel';
import { responseIn, type ChannelWire } from './channel-wire.js';
import { isJsonObject } from './json-rpc.js';
import type { ServerMessage } from './json-rpc.js';
import {
  isSpokenLegacyVersion,
  legacyCapabilities,
  legacyRequest,
  LEGACY_VERSION,
  sessionHeaders,
} from './legacy-request.js';
import { isSession, streamOf, type LegacySession } from './legacy-session.js';
import type { ModernRequest } from './modern-request.js';
import { unsent } from './refused-answer.js';
import type { RelayAnswer } from './relay.js';
import { RunningCalls } from './running-calls.js';
import type { ChannelTarget } from './server-channel.js';

const IDLE_MS = 5 * 60_000;
/** A server of 2024-11-05 begins its stream with where to post. */
const ENDPOINT_TIMEOUT_MS = 3_000;

/** How a server of 2024-11-05 answers a POST to its stream (2025-11-25, Transports, backwards compatibility). */
const UNPOSTABLE: ReadonlySet<number> = new Set([400, 404, 405]);

/**
 * A session is for what was said when it was opened: it is not shared between clients that can do different things. No
 * address holds a blank and JSON ends where it ends: two keys are alike only where all parts are.
 */
export const sessionKey = (
  { url, identity }: Pick<ChannelTarget, 'url' | 'identity'>,
  { clientCapabilities }: Pick<ModernRequest, 'clientCapabilities'>,
): string => `${url.href} ${JSON.stringify(legacyCapabilities(clientCapabilities))} ${identity}`;

/** The sessions with legacy servers. Callers who come together share one initialization. */
export class LegacySessions {
  readonly #wire: ChannelWire;
  readonly #clock: Clock;
  readonly #onUnspoken: (url: URL) => void;
  readonly #sessions: BoundedMap<string, LegacySession>;
  readonly #opening = new SingleFlight<string, LegacySession | RelayAnswer>();

  /** @param options.onUnspoken neither era is spoken there, as far as can be seen now */
  constructor(options: {
    readonly wire: ChannelWire;
    readonly clock: Clock;
    readonly limit: number;
    readonly onUnspoken: (url: URL) => void;
  }) {
    this.#wire = options.wire;
    this.#clock = options.clock;
    this.#onUnspoken = options.onUnspoken;
    this.#sessions = new BoundedMap(options.limit);
  }

  /** The session, where there is one. */
  known(key: string): LegacySession | undefined {
    const known = this.#sessions.get(key);
    if (known !== undefined) known.lastUsedAt = this.#clock();
    return known;
  }

  async open(key: string, target: ChannelTarget, message: ModernRequest): Promise<LegacySession | RelayAnswer> {
    const known = this.known(key);
    if (known !== undefined) return known;
    return await this.#opening.run(key, async () => {
      const session = await this.#initialize(target, message);
      if (isSession(session)) this.#sessions.set(key, session);
      return session;
    });
  }

  /** The server does not know this session any more. */
  forget(key: string, session: LegacySession): void {
    if (this.#sessions.get(key) === session) this.#sessions.delete(key);
  }

  /** Ends sessions nobody used for a while. */
  sweep(): void {
    const before = this.#clock() - IDLE_MS;
    this.#sessions.deleteWhere((session) => {
      if (session.lastUsedAt > before || streamOf(session) !== undefined) return false;
      if (session.id !== undefined)
        void this.#wire.relay.end({
          url: session.target.url,
          credential: session.target.credential,
          headers: sessionHeaders(session),
        });
      return true;
    });
  }

  async #initialize(caller: ChannelTarget, message: ModernRequest): Promise<LegacySession | RelayAnswer> {
    // Its own signal: others may be waiting for this session.
    const target = { ...caller, signal: AbortSignal.timeout(caller.idleTimeoutMs) };
    const id = this.#wire.nextId();
    const body = legacyRequest({
      id,
      method: 'initialize',
      params: {
        protocolVersion: LEGACY_VERSION,
        capabilities: message.clientCapabilities,
        clientInfo: message.clientInfo,
      },
      meta: undefined,
    });
    const answer = await this.#wire.post(target, {}, body, { isHarmless: true });
    const response = await responseIn(answer, id);
    const result = response?.value['result'];
    if (!isJsonObject(result) || !isSpokenLegacyVersion(result['protocolVersion']))
      return this.#notInitialized(target, answer, response);
    const { capabilities, protocolVersion: version } = result;
    const declared = isJsonObject(capabilities) ? capabilities : {};
    const session: LegacySession = {
      id: 'sessionId' in answer ? answer.sessionId : undefined,
      version,
      target: caller,
      capabilities: declared,
      stream: undefined,
      calls: new RunningCalls(),
      logLevel: isJsonObject(declared['logging']) ? null : undefined,
      lastUsedAt: this.#clock(),
    };
    await this.#wire.post(
      target,
      sessionHeaders(session),
      JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }),
    );
    return session;
  }

  async #notInitialized(
    target: ChannelTarget,
    answer: RelayAnswer,
    response: ServerMessage | undefined,
  ): Promise<RelayAnswer> {
    // Neither era is spoken there: look again next time.
    this.#onUnspoken(target.url);
    const status = 'status' in answer ? (answer.status ?? 200) : 200;
    if (UNPOSTABLE.has(status) && (await this.#isOfOldTransport(target)))
      return { type: 'failed', reason: 'sse-only', status };
    if (response !== undefined) return unsent({ type: 'message', status, message: response, sessionId: undefined });
    return answer.type === 'stream' || answer.type === 'accepted' ? { type: 'failed', reason: 'not-mcp' } : answer;
  }

  /** Whoever takes no POST may be of the transport before this one, whose clients begin with a GET. */
  #isOfOldTransport({ url, credential, idleTimeoutMs, signal }: ChannelTarget): Promise<boolean> {
    return this.#wire.relay.announcesEndpoint({
      url,
      credential,
      headers: {},
      idleTimeoutMs: Math.min(idleTimeoutMs, ENDPOINT_TIMEOUT_MS),
      signal,
    });
  }
}
