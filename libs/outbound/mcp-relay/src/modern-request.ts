import { rewriteJson } from '@sallyport/kernel/json';
import type { JsonSource } from '@sallyport/kernel/json';
import { encodeHeaderValue } from '@sallyport/server';
import type { JsonObject, RequestId } from './json-rpc.js';

export const MODERN_VERSION = '2026-07-28';
const RESERVED_META = 'io.modelcontextprotocol/';
/** Trace state and baggage of a caller are not ours to hand on (security rule S30). */
const DROPPED_META = new Set(['tracestate', 'baggage']);

export interface ModernRequest {
  readonly id: RequestId;
  readonly method: string;
  /** The client's message: what is sent as it came is sent in its words, numbers with all their digits. */
  readonly source?: JsonSource | undefined;
  /** Members of `params` as the client wrote them, where that is known. */
  readonly texts?: Readonly<Record<string, string>> | undefined;
  /** As decided on: no field of the client's beyond it travels. */
  readonly params: JsonObject;
  /** The caller's `_meta`; reserved keys are replaced by ours, the rest passes. */
  readonly meta: JsonObject | undefined;
  /** The trace this is asked in, in `_meta` and in a header: in the place of the caller's. */
  readonly traceparent?: string | undefined;
  /** The least severe log messages wanted; without one the server sends none. */
  readonly logLevel?: string | undefined;
  readonly clientInfo: { readonly name: string; readonly version: string };
  /** What this server may ask of the client. */
  readonly clientCapabilities: JsonObject;
  /** `Mcp-Name`: the tool's own name or the resource's own URI. */
  readonly name: string | undefined;
  /** `Mcp-Param-*`, computed from the server's schema. */
  readonly parameterHeaders: Readonly<Record<string, string>>;
}

/** Of the caller's `_meta`, what a server is handed on. */
export const passedMeta = ({ meta, traceparent }: Pick<ModernRequest, 'meta' | 'traceparent'>): [string, unknown][] =>
  Object.entries(meta ?? {}).filter(
    ([key]) =>
      !key.startsWith(RESERVED_META) && !DROPPED_META.has(key) && (key !== 'traceparent' || traceparent === undefined),
  );

/** What a server is told of the trace, as a header and as a member of `_meta`. */
export const traceMember = (traceparent: string | undefined): { readonly traceparent?: string } =>
  traceparent === undefined ? {} : { traceparent };

/** A request of 2026-07-28: the value that was decided on (security rule S10). */
export function modernRequest(request: ModernRequest): { headers: Record<string, string>; body: string } {
  const passed = passedMeta(request);
  const _meta = {
    ...Object.fromEntries(passed),
    ...traceMember(request.traceparent),
    ...(request.logLevel === undefined ? {} : { [`${RESERVED_META}logLevel`]: request.logLevel }),
    [`${RESERVED_META}protocolVersion`]: MODERN_VERSION,
    [`${RESERVED_META}clientInfo`]: request.clientInfo,
    [`${RESERVED_META}clientCapabilities`]: request.clientCapabilities,
  };
  return {
    headers: {
      ...request.parameterHeaders,
      'mcp-protocol-version': MODERN_VERSION,
      'mcp-method': request.method,
      ...(request.name === undefined ? {} : { 'mcp-name': encodeHeaderValue(request.name) }),
      ...traceMember(request.traceparent),
    },
    body: messageText(request, _meta, passed.length > 0),
  };
}

/**
 * The message, in the client's words where it has some. Texts that are known are put together; nothing is looked for in
 * the client's message then, unless it brought something of its own in `_meta`.
 */
export function messageText(
  {
    id,
    method,
    params,
    texts,
    source,
  }: Pick<ModernRequest, 'method' | 'params' | 'texts' | 'source'> & {
    readonly id: RequestId;
  },
  _meta: JsonObject | undefined,
  isMetaOfClient: boolean,
): string {
  if (texts === undefined || isMetaOfClient) {
    const all = _meta === undefined ? params : { ...params, _meta };
    return written(source, { jsonrpc: '2.0', id, method, params: all });
  }
  let members = '';
  for (const name of Object.keys(params)) {
    const text = texts[name] ?? JSON.stringify(params[name]);
    if (text !== undefined) members += `${members === '' ? '' : ','}${JSON.stringify(name)}:${text}`;
  }
  if (_meta !== undefined) members += `${members === '' ? '' : ','}"_meta":${JSON.stringify(_meta)}`;
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"method":${JSON.stringify(method)},"params":{${members}}}`;
}

export const written = (source: JsonSource | undefined, message: JsonObject): string =>
  source === undefined ? JSON.stringify(message) : rewriteJson(source, message);
