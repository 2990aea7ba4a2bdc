import { isJsonObject, MODERN_VERSION } from '@sallyport/mcp-relay';
import type { InboundRequest } from '../http/exchange.js';
import { readBody } from '../http/read-body.js';
import { parseStrictJson } from '../inbound/parse-strict-json.js';
import type { ClientRequest } from '../inbound/client-message.js';
import type { RefusalContext } from './refuse.js';
import type { Refusal } from './refusal.js';

/** The body of a POST as JSON, unambiguous and within its limits; nothing else is a message (security rule S10). */
export async function readMessage(inbound: InboundRequest, maxBodyBytes: number): Promise<{ readonly value: unknown } | Refusal> {
  const mediaType = inbound.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (mediaType !== 'application/json' || inbound.headers.get('content-encoding') !== undefined) return { refused: 'media-type' };
  const body = await readBody(inbound, maxBodyBytes);
  if (body === 'too-large') return { refused: 'body-too-large' };
  return (body === 'not-utf8' ? undefined : parseStrictJson(body.text)) ?? { refused: 'not-json' };
}

/** Id and era of a body that could be read, so that a refusal answers the right request in the right words. */
export function identityOf(body: unknown, inbound: InboundRequest): Pick<RefusalContext, 'id' | 'era'> {
  if (!isJsonObject(body)) return { id: undefined, era: 'legacy' };
  const { id, params } = body;
  const meta = isJsonObject(params) ? params['_meta'] : undefined;
  const isModern = (isJsonObject(meta) && 'io.modelcontextprotocol/protocolVersion' in meta) || (inbound.headers.get('mcp-protocol-version') ?? '') >= MODERN_VERSION;
  return { id: typeof id === 'string' || typeof id === 'number' ? id : undefined, era: isModern ? 'modern' : 'legacy' };
}

/** W3C trace context, version 00. */
export function traceIdIn({ meta }: ClientRequest): string | undefined {
  const traceparent = meta?.['traceparent'];
  return typeof traceparent === 'string' ? /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceparent)?.[1] : undefined;
}
