import { decodeHeaderValue } from '@sallyport/server';
import { isJsonObject, MODERN_VERSION } from '@sallyport/mcp-relay';
import type { JsonObject, RequestId } from '@sallyport/mcp-relay';
import { readClientAbilities } from './client-abilities.js';
import type { InboundHeaders } from './exchange.js';
import { isRefusal } from './refusal.js';
import type { Refusal } from './refusal.js';
import { legacyVersionFor, LEGACY_VERSIONS, MODERN_VERSIONS } from './client-message.js';
import type { ClientMessage, McpSession, Operation } from './client-message.js';
import { isLogLevel } from './log-level.js';
import { readOperation } from './read-operation.js';

const META = 'io.modelcontextprotocol/';
/** Methods are recorded; none of the protocol's comes near. */
const MAX_METHOD = 128;
const isModern = (version: string | undefined): boolean => version !== undefined && version >= MODERN_VERSION;

export type SessionLookup = (sealedId: string) => McpSession | undefined;
/** Without a header and without a session a client is of this version (2025-06-18, transports). */
const ASSUMED_VERSION = '2025-03-26';
/** What a legacy client is sent until it says otherwise (2025-11-25, logging: the server decides). */
const LEGACY_LOG_LEVEL = 'info';

/**
 * Which era a message is of, and whether it may be acted on. The body decides, headers are compared with it: a modern
 * envelope means modern, all else legacy; a modern header without the envelope is an error, never legacy (mcp.md).
 */
export function classifyMessage(
  body: unknown,
  headers: InboundHeaders,
  session: SessionLookup,
): ClientMessage | Refusal {
  if (Array.isArray(body)) return { type: 'invalid-request', message: 'A batch holds messages, not batches.' };
  if (!isJsonObject(body) || body['jsonrpc'] !== '2.0')
    return { type: 'invalid-request', message: 'The body is not a JSON-RPC message.' };
  const { id, method, params } = body;
  const headerVersion = headers.get('mcp-protocol-version');
  if (method === undefined) {
    if (!isRequestId(id) || !('result' in body || 'error' in body))
      return { type: 'invalid-request', message: 'The body is not a JSON-RPC message.' };
    return {
      type: 'answer',
      id,
      answer: 'result' in body ? { result: body['result'] } : { error: body['error'] },
      sessionId: sessionIn(headers, session)?.id,
    };
  }
  if (typeof method !== 'string' || method.length > MAX_METHOD || (params !== undefined && !isJsonObject(params)))
    return { type: 'invalid-request', message: 'The body is not a JSON-RPC message.' };
  const meta = isJsonObject(params?.['_meta']) ? params['_meta'] : undefined;
  const claimsEnvelope = meta !== undefined && `${META}protocolVersion` in meta;

  if (!('id' in body)) {
    const era = claimsEnvelope || isModern(headerVersion) ? 'modern' : 'legacy';
    const mismatch =
      era === 'modern' && headers.get('mcp-method') !== undefined && headers.get('mcp-method') !== method;
    if (mismatch) return { type: 'header-mismatch', message: 'Mcp-Method names another method than the body.' };
    const requestId = params?.['requestId'];
    if (era === 'legacy' && method === 'notifications/cancelled' && isRequestId(requestId))
      return { type: 'cancelled', method, requestId, sessionId: sessionIn(headers, session)?.id };
    return { type: 'accepted', method, era };
  }
  if (!isRequestId(id)) return { type: 'invalid-request', message: 'The request id must be a string or an integer.' };

  if (claimsEnvelope || (method !== 'initialize' && isModern(headerVersion)))
    return classifyModern({ id, method, params: params ?? {}, meta }, headers);
  if (isModern(headerVersion))
    return {
      type: 'header-mismatch',
      message: 'initialize was sent with a protocol version that has no initialize.',
    };
  return classifyLegacy({ id, method, params: params ?? {}, meta }, headers, session);
}

interface RequestParts {
  readonly id: RequestId;
  readonly method: string;
  readonly params: JsonObject;
  readonly meta: JsonObject | undefined;
}

function classifyModern({ id, method, params, meta }: RequestParts, headers: InboundHeaders): ClientMessage | Refusal {
  const version = meta?.[`${META}protocolVersion`];
  const capabilities = meta?.[`${META}clientCapabilities`];
  if (typeof version !== 'string')
    return { type: 'envelope', message: `params._meta["${META}protocolVersion"] is required.` };
  if (!isJsonObject(capabilities))
    return { type: 'envelope', message: `params._meta["${META}clientCapabilities"] is required.` };
  const clientInfo = meta?.[`${META}clientInfo`];
  if (clientInfo !== undefined && !isJsonObject(clientInfo))
    return { type: 'envelope', message: `params._meta["${META}clientInfo"] must be an object.` };
  const logLevel = meta?.[`${META}logLevel`];
  if (logLevel !== undefined && !isLogLevel(logLevel))
    return { type: 'envelope', message: `params._meta["${META}logLevel"] must be a log level.` };

  const headerVersion = headers.get('mcp-protocol-version');
  if (headerVersion !== undefined && headerVersion !== version)
    return { type: 'header-mismatch', message: 'MCP-Protocol-Version names another version than the body.' };
  if (!(MODERN_VERSIONS as readonly string[]).includes(version))
    return { type: 'unsupported-version', requested: version };
  if (headerVersion === undefined) return { type: 'header-mismatch', message: 'MCP-Protocol-Version is required.' };
  const headerMethod = headers.get('mcp-method');
  if (headerMethod !== method)
    return {
      type: 'header-mismatch',
      message:
        headerMethod === undefined ? 'Mcp-Method is required.' : 'Mcp-Method names another method than the body.',
    };
  const nameMismatch = compareName(method, params, headers.get('mcp-name'));
  if (nameMismatch !== undefined) return { type: 'header-mismatch', message: nameMismatch };

  const operation = readOperation('modern', method, params);
  if (isRefusal(operation)) return operation;
  const { requestState, inputResponses } = params;
  if (
    (requestState !== undefined && typeof requestState !== 'string') ||
    (inputResponses !== undefined && !isJsonObject(inputResponses))
  ) {
    return { type: 'invalid-params', message: 'requestState must be a string and inputResponses an object.' };
  }
  return {
    type: 'request',
    request: {
      era: 'modern',
      version,
      id,
      method,
      operation,
      meta,
      abilities: readClientAbilities(capabilities, version),
      logLevel,
      session: undefined,
      retry: { requestState, responses: inputResponses },
    },
  };
}

function classifyLegacy(
  { id, method, params, meta }: RequestParts,
  headers: InboundHeaders,
  lookUp: SessionLookup,
): ClientMessage | Refusal {
  const headerVersion = headers.get('mcp-protocol-version');
  if (
    method !== 'initialize' &&
    headerVersion !== undefined &&
    !(LEGACY_VERSIONS as readonly string[]).includes(headerVersion)
  ) {
    return {
      type: 'invalid-request',
      message: `Unsupported protocol version (supported: ${LEGACY_VERSIONS.join(', ')}).`,
    };
  }
  const sessionId = headers.get('mcp-session-id');
  let session: McpSession | undefined;
  if (method !== 'initialize' && sessionId !== undefined) {
    session = lookUp(sessionId);
    if (session === undefined) return { type: 'session-not-found' };
  }
  const operation = readOperation('legacy', method, params);
  if (isRefusal(operation)) return operation;
  const version = session?.version ?? headerVersion ?? ASSUMED_VERSION;
  const abilities =
    operation.type === 'initialize'
      ? readClientAbilities(params['capabilities'], legacyVersionFor(operation.requestedVersion))
      : (session?.abilities ?? new Set());
  return {
    type: 'request',
    request: {
      era: 'legacy',
      version,
      id,
      method,
      operation,
      meta,
      abilities,
      logLevel: session?.log?.level ?? LEGACY_LOG_LEVEL,
      session,
      retry: { requestState: undefined, responses: undefined },
    },
  };
}

const NAMED_BY = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/** `Mcp-Name` mirrors a field of the body, possibly encoded. */
function compareName(method: string, params: JsonObject, header: string | undefined): string | undefined {
  const field = NAMED_BY.get(method);
  if (field === undefined) return undefined;
  const value = params[field];
  if (header === undefined) return typeof value === 'string' ? 'Mcp-Name is required.' : undefined;
  const decoded = decodeHeaderValue(header);
  if (decoded === undefined) return 'Mcp-Name is not properly encoded.';
  return typeof value === 'string' && decoded !== value ? `Mcp-Name differs from params.${field}.` : undefined;
}

const isRequestId = (id: unknown): id is RequestId =>
  (typeof id === 'string' && id.length <= 256) || (typeof id === 'number' && Number.isSafeInteger(id));

function sessionIn(headers: InboundHeaders, lookUp: SessionLookup): McpSession | undefined {
  const sessionId = headers.get('mcp-session-id');
  return sessionId === undefined ? undefined : lookUp(sessionId);
}

export type { Operation };
