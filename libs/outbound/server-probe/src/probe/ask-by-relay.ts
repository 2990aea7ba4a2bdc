import { systemClock } from '@sallyport/kernel';
import { createRelay, createServerChannel, isJsonObject, isResponseTo } from '@sallyport/mcp-relay';
import type { ModernRequest, Relay, RelayAnswer, RequestId, ServerMessage } from '@sallyport/mcp-relay';
import type { Conversation } from '../findings.js';
import { EXCHANGE_MS, USER_AGENT } from './probe-network.js';
import type { ProbeNetwork } from './probe-network.js';
import { MAX_PAGES, MAX_TOOLS, readTools, said, titleIn } from './read-tools.js';

const HOW = "tools/list by Sallyport's relay";
/** All pages together. */
const LISTING_MS = 8_000;

/** Lists a server's tools as the gateway would: the same relay, the same way of finding out its era. Never rejects. */
export async function askByRelay(url: string, network: ProbeNetwork): Promise<Conversation> {
  const heard = new Heard();
  const relay = createRelay({ dispatcher: network.dispatcher, userAgent: USER_AGENT });
  const channel = createServerChannel({ relay: listening(relay, heard), clock: systemClock });
  const target = {
    url: new URL(url),
    credential: { headers: {} },
    identity: 'nobody',
    idleTimeoutMs: EXCHANGE_MS,
    signal: AbortSignal.any([network.signal, AbortSignal.timeout(LISTING_MS)]),
  };
  const listed: unknown[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const message = listRequest(page, cursor);
    const answer = await channel.request(target, message);
    const result = await resultIn(answer, message.id);
    if (!('tools' in result)) return page === 0 ? failed(result) : heard.listed(listed, true);
    listed.push(...result.tools);
    cursor = result.nextCursor;
    if (cursor === undefined || listed.length >= MAX_TOOLS) break;
  }
  await heard.endSession(relay, target.url);
  return heard.listed(listed, cursor !== undefined);
}

const listRequest = (page: number, cursor: string | undefined): ModernRequest => ({
  id: `probe-${page}`,
  method: 'tools/list',
  params: cursor === undefined ? {} : { cursor },
  meta: undefined,
  clientInfo: { name: USER_AGENT, version: '1.0.0' },
  clientCapabilities: {},
  name: undefined,
  parameterHeaders: {},
});

type Page = { readonly tools: readonly unknown[]; readonly nextCursor: string | undefined };
type Refused = { readonly status?: number; readonly reason: string; readonly said?: string };

async function resultIn(answer: RelayAnswer, id: RequestId): Promise<Page | Refused> {
  switch (answer.type) {
    case 'credential-rejected':
      return { status: 401, reason: 'wants a credential' };
    case 'accepted':
      return { reason: 'not-mcp' };
    case 'failed': {
      const { reason, status, said: words, why } = answer;
      const text = words?.message ?? why;
      return {
        reason,
        ...(status === undefined ? {} : { status }),
        ...(text === undefined ? {} : { said: said(text) }),
      };
    }
    case 'message':
      return pageIn(answer.message);
    case 'stream':
      try {
        for await (const message of answer.messages) if (isResponseTo(message, id)) return pageIn(message);
        return { reason: 'interrupted' };
      } catch {
        return { reason: 'interrupted' };
      }
  }
}

function pageIn({ value }: ServerMessage): Page | Refused {
  const { result, error } = value;
  if (isJsonObject(result) && Array.isArray(result['tools'])) {
    const { nextCursor } = result;
    return { tools: result['tools'], nextCursor: typeof nextCursor === 'string' ? nextCursor : undefined };
  }
  const code = isJsonObject(error) ? String(error['code']) : 'none';
  const words = isJsonObject(error) && typeof error['message'] === 'string' ? error['message'] : '';
  return { reason: `error ${code}`.slice(0, 64), said: said(words) };
}

function failed({ status, reason, said: words }: Refused): Conversation {
  if (status === 401 || status === 403) return { outcome: 'wants-credential', how: HOW, status };
  const text = [status === undefined ? '' : `HTTP ${status}`, words ?? ''].filter((part) => part !== '').join(': ');
  return { outcome: 'failed', how: HOW, reason, ...(text === '' ? {} : { said: text }) };
}

/** What passed between the relay and the server, by the words of the wire. */
class Heard {
  #version: string | undefined;
  #isModern = false;
  #title: string | undefined;
  #session: string | undefined;

  sent(headers: Readonly<Record<string, string>>): void {
    const version = headers['mcp-protocol-version'];
    this.#isModern = headers['mcp-method'] !== undefined;
    if (version !== undefined) this.#version = version;
  }

  received({ value }: ServerMessage): void {
    const { result } = value;
    if (!isJsonObject(result)) return;
    if (typeof result['protocolVersion'] === 'string') this.#version = result['protocolVersion'];
    this.#title ??= titleIn(result);
  }

  began(session: string | undefined): void {
    this.#session = session ?? this.#session;
  }

  /** As a courtesy, like the relay's own sweep. */
  async endSession(relay: Relay, url: URL): Promise<void> {
    if (this.#session === undefined) return;
    const headers = {
      'mcp-session-id': this.#session,
      ...(this.#version === undefined ? {} : { 'mcp-protocol-version': this.#version }),
    };
    await relay.end({ url, credential: { headers: {} }, headers });
  }

  listed(definitions: readonly unknown[], isCut: boolean): Conversation {
    const { tools, isCut: isShortened } = readTools(definitions);
    const version = this.#version?.slice(0, 32);
    return {
      outcome: 'listed',
      how: HOW,
      era: this.#isModern ? 'modern' : 'legacy',
      ...(version === undefined ? {} : { version }),
      ...(this.#title === undefined ? {} : { title: this.#title }),
      tools,
      isCut: isCut || isShortened,
    };
  }
}

/** The relay, overheard. */
function listening(relay: Relay, heard: Heard): Relay {
  async function* overheard(messages: AsyncIterable<ServerMessage>) {
    for await (const message of messages) {
      heard.received(message);
      yield message;
    }
  }
  return {
    ...relay,
    async post(request) {
      heard.sent(request.headers);
      const answer = await relay.post(request);
      if (answer.type === 'message') heard.received(answer.message);
      if (answer.type !== 'message' && answer.type !== 'stream') return answer;
      heard.began(answer.sessionId);
      return answer.type === 'stream' ? { ...answer, messages: overheard(answer.messages) } : answer;
    },
  };
}
