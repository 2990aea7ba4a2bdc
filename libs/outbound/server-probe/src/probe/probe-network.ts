import { SallyportError } from '@sallyport/kernel';
import type { OutboundFetch } from '@sallyport/oauth';
import { createGuardedAgent, createSafeFetch } from '@sallyport/safe-fetch';
import type { AllowedHost, OutboundProxy } from '@sallyport/safe-fetch';
import { Readable } from 'node:stream';
import { request } from 'undici';
import type { Dispatcher } from 'undici';

export const USER_AGENT = 'sallyport-add';
/** One exchange. */
export const EXCHANGE_MS = 5_000;
const MAX_METADATA_BYTES = 262_144;
/** All that the official client reads in one answer: a list of a thousand tools, with room. */
const MAX_ANSWER_BYTES = 8 * 1_048_576;

/** The guarded ways out of one probe. */
export interface ProbeNetwork {
  readonly dispatcher: Dispatcher;
  /** For metadata: whole answers, small. */
  readonly fetch: OutboundFetch;
  /** For the official client: answers as they come. */
  readonly streamingFetch: typeof globalThis.fetch;
  /** Ends with the time the whole probe has. */
  readonly signal: AbortSignal;
  close(): Promise<void>;
}

export interface ProbeNetworkOptions {
  /** Beyond public https: the address somebody typed, and no other. */
  readonly allow: readonly AllowedHost[];
  readonly proxy?: OutboundProxy | undefined;
  readonly extraCertificateAuthorities?: readonly string[] | undefined;
  readonly budgetMs: number;
}

/** Opens the ways out of one probe. None of them follows a redirect, and all end when `budgetMs` is over. */
export function openProbeNetwork({
  allow,
  proxy,
  extraCertificateAuthorities = [],
  budgetMs,
}: ProbeNetworkOptions): ProbeNetwork {
  const guard = { allow, proxy, extraCertificateAuthorities };
  const dispatcher = createGuardedAgent(guard, { pipelining: 0, maxHeaderSize: 32_768 });
  const signal = AbortSignal.timeout(budgetMs);
  const safeFetch = createSafeFetch({
    ...guard,
    userAgent: USER_AGENT,
    timeoutMs: EXCHANGE_MS,
    maxResponseBytes: MAX_METADATA_BYTES,
  });
  const outOfTime = () => new SallyportError('outbound_timeout', 'The time for the whole probe is over.');
  return {
    dispatcher,
    signal,
    fetch: async (input, init) => {
      if (signal.aborted) throw outOfTime();
      try {
        return await safeFetch(input, { ...init, signal });
      } catch (error) {
        throw signal.aborted ? outOfTime() : error;
      }
    },
    streamingFetch: streamingFetch(dispatcher, signal),
    close: () => dispatcher.destroy(),
  };
}

/** A server's own stream, which a legacy client opens beside its requests: a probe has no use for it. */
const isOwnStream = (method: string, headers: Headers): boolean =>
  method === 'GET' && (headers.get('accept') ?? '').includes('text/event-stream');

function streamingFetch(dispatcher: Dispatcher, signal: AbortSignal): typeof globalThis.fetch {
  return async (input, init) => {
    const asked = new Request(input, init);
    if (isOwnStream(asked.method, asked.headers)) return new Response(null, { status: 405 });
    const answer = await request(asked.url, {
      dispatcher,
      method: asked.method,
      headers: { ...Object.fromEntries(asked.headers), 'user-agent': USER_AGENT, 'accept-encoding': 'identity' },
      body: asked.body === null ? null : Buffer.from(await asked.arrayBuffer()),
      signal: AbortSignal.any([signal, asked.signal]),
      headersTimeout: EXCHANGE_MS,
      bodyTimeout: EXCHANGE_MS,
    });
    const headers = new Headers();
    for (const [name, value] of Object.entries(answer.headers))
      for (const item of Array.isArray(value) ? value : [value]) if (item !== undefined) headers.append(name, item);
    const isBodiless = [204, 205, 304].includes(answer.statusCode);
    if (isBodiless) await answer.body.dump();
    return new Response(isBodiless ? null : Readable.toWeb(atMost(answer.body)), {
      status: answer.statusCode,
      headers,
    });
  };
}

function atMost(body: AsyncIterable<Uint8Array>): Readable {
  async function* bounded() {
    let bytes = 0;
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) throw new SallyportError('outbound_too_large', 'The answer is larger than 8 MiB.');
      yield chunk;
    }
  }
  return Readable.from(bounded());
}
