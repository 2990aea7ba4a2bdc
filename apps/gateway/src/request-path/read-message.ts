import { readBody } from '@sallyport/http';
import type { BodyRefusal, BytesInFlight, FairTurns } from '@sallyport/http';
import type { JsonSource } from '@sallyport/kernel/json';
import { isJsonObject, MODERN_VERSION } from '@sallyport/mcp-relay';
import type { InboundRequest } from '../protocol/exchange.js';
import { parseStrictJson } from '../protocol/parse-strict-json.js';
import type { ClientRequest } from '../protocol/client-message.js';
import type { RefusalContext } from '../protocol/refuse.js';
import type { Refusal } from '../protocol/refusal.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });

export interface ReadMessageUses {
  /** Of each user's requests and of the answers to them, as long as they are in memory. */
  readonly bytes: BytesInFlight;
  readonly maxBodyBytes: number;
  /** Whose request begins next when there is more than the processor can do. */
  readonly turns: FairTurns;
}

/** To parse more than this takes milliseconds: many that become whole at once take turns again. */
const LARGE_BYTES = 64 * 1024;

/**
 * The body of a POST as JSON, unambiguous and within its limits; nothing else is a message (security rule S10). The
 * room for its bytes is taken before they are read and held until the exchange is over (S33).
 */
export async function readMessage(
  { bytes, maxBodyBytes, turns }: ReadMessageUses,
  inbound: InboundRequest,
  userId: string,
): Promise<JsonSource | Refusal> {
  const mediaType = inbound.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (mediaType !== 'application/json' || inbound.headers.get('content-encoding') !== undefined)
    return { type: 'media-type' };
  const held = bytes.open(userId);
  inbound.bytes.countIn(held);
  const body = await readBody(
    { chunks: inbound.body, contentLength: inbound.headers.get('content-length') },
    maxBodyBytes,
    held,
  );
  if (typeof body === 'string') return refusalOf(body);
  if (body.length > LARGE_BYTES) await turns.take(userId);
  return messageIn(body) ?? { type: 'not-json' };
}

/** `undefined` for what is no JSON that can be read in one way only. */
export function messageIn(body: Uint8Array): JsonSource | undefined {
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    return undefined; // no UTF-8: the only thing a fatal decoder throws for
  }
  return parseStrictJson(text);
}

function refusalOf(body: BodyRefusal): Refusal {
  return body === 'too-large'
    ? { type: 'body-too-large' }
    : { type: 'too-many', what: 'bytes', byAll: body === 'all-limit' };
}

/** Id and era of a body that could be read, so that a refusal answers the right request in the right words. */
export function identityOf(body: unknown, inbound: InboundRequest): Pick<RefusalContext, 'id' | 'era'> {
  if (!isJsonObject(body)) return { id: undefined, era: 'legacy' };
  const { id, params } = body;
  const meta = isJsonObject(params) ? params['_meta'] : undefined;
  const isModern =
    (isJsonObject(meta) && 'io.modelcontextprotocol/protocolVersion' in meta) ||
    (inbound.headers.get('mcp-protocol-version') ?? '') >= MODERN_VERSION;
  return { id: typeof id === 'string' || typeof id === 'number' ? id : undefined, era: isModern ? 'modern' : 'legacy' };
}

/** W3C trace context, version 00. */
export function traceIdIn({ meta }: ClientRequest): string | undefined {
  const traceparent = meta?.['traceparent'];
  return typeof traceparent === 'string'
    ? /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceparent)?.[1]
    : undefined;
}
