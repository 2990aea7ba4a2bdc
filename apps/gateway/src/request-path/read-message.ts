import { readBody } from '@sallyport/http';
import type { BodyRefusal } from '@sallyport/http';
import { isJsonObject, MODERN_VERSION } from '@sallyport/mcp-relay';
import type { InboundRequest } from '../http/exchange.js';
import { parseStrictJson } from '../inbound/parse-strict-json.js';
import type { ClientRequest } from '../inbound/client-message.js';
import type { RefusalContext } from './refuse.js';
import type { Refusal } from './refusal.js';
import type { RequestPath } from './request-path.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });

type Reading = Pick<RequestPath, 'bytes' | 'maxBodyBytes' | 'turns'>;

/** To parse more than this takes milliseconds: many that become whole at once take turns again. */
const LARGE_BYTES = 64 * 1024;

/**
 * The body of a POST as JSON, unambiguous and within its limits; nothing else is a message (security rule S10). The room
 * for its bytes is taken before they are read and held until the exchange is over (S33).
 */
export async function readMessage(
  path: Reading,
  inbound: InboundRequest,
  userId: string,
): Promise<{ readonly value: unknown } | Refusal> {
  const mediaType = inbound.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (mediaType !== 'application/json' || inbound.headers.get('content-encoding') !== undefined)
    return { refused: 'media-type' };
  const held = path.bytes.open(userId);
  inbound.bytes.countIn(held);
  const body = await readBody(
    { chunks: inbound.body, contentLength: inbound.headers.get('content-length') },
    path.maxBodyBytes,
    held,
  );
  if (typeof body === 'string') return refusalOf(body);
  if (body.length > LARGE_BYTES) await path.turns.take(userId);
  return messageIn(body) ?? { refused: 'not-json' };
}

function messageIn(body: Uint8Array): { readonly value: unknown } | undefined {
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
    ? { refused: 'body-too-large' }
    : { refused: 'too-many', what: 'bytes', byAll: body === 'all-limit' };
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
