import { compilePolicies, decideConnect } from '@sallyport/policy';
import { isJsonObject, MODERN_VERSION } from '@sallyport/mcp-relay';
import { jsonAnswer, noBody } from '../http/exchange.js';
import type { Answer, CallFacts, InboundRequest } from '../http/exchange.js';
import { readBody } from '../http/read-body.js';
import { classifyMessage } from '../inbound/classify-message.js';
import { parseStrictJson } from '../inbound/parse-strict-json.js';
import type { ClientRequest } from '../inbound/client-message.js';
import { openMcpSession, sealMcpSession } from '../session/mcp-session.js';
import { authenticate } from './authenticate.js';
import type { Authenticated } from './authenticate.js';
import { callTool, readResource } from './call-tool.js';
import { discoverResult, initializeResult } from './describe-gateway.js';
import { listEntries } from './list-entries.js';
import type { OpenCall } from './open-calls.js';
import { factsOf, refuse } from './refuse.js';
import type { RefusalContext } from './refuse.js';
import { isRefusal } from './refusal.js';
import type { Refusal } from './refusal.js';
import { documentsGeneration, toolPrefixOf } from './request-path.js';
import type { Call, RequestPath } from './request-path.js';
import type { ConfigurationSnapshot } from '@sallyport/configuration';

/**
 * The request path: read → authenticate → resolve target → decide → lease → forward → record. Types hold the order: only
 * `decide()` makes a Permit, only a Permit gets a CredentialLease, only both together reach a server. Nothing is read of
 * a body, and nothing done, before the caller is known (R12). A refusal is a value; what is broken throws.
 */
export async function handleMcpRequest(path: RequestPath, inbound: InboundRequest, facts: CallFacts): Promise<Answer> {
  const context: { -readonly [K in keyof RefusalContext]: RefusalContext[K] } = { resourceMetadataUrl: path.resourceMetadataUrl, request: undefined, id: undefined, era: 'modern' };
  const refused = (refusal: Refusal): Answer => {
    const { decision, reason } = factsOf(refusal);
    facts.decision = decision;
    facts.reason = facts.reason === undefined || reason === undefined ? reason : `${reason}:${facts.reason}`;
    const answer = refuse(refusal, context);
    facts.errorCode = errorCodeIn(answer);
    return answer;
  };

  const configuration = path.configuration();
  if ('unavailable' in configuration) return refused({ refused: 'not-ready', reason: configuration.unavailable });
  const { snapshot } = configuration;

  const repeated = inbound.headers.firstRepeated();
  if (repeated !== undefined) return refused({ refused: 'repeated-header', header: repeated });
  const authenticated = await authenticate(path, inbound.headers);
  if (isRefusal(authenticated)) return refused(authenticated);
  Object.assign(facts, callerFacts(authenticated));
  if (inbound.method === 'DELETE') return await endSession(path, inbound, authenticated, snapshot, facts, refused);
  if (inbound.method !== 'POST') return refused({ refused: 'http-method' });

  const body = await readMessage(path, inbound);
  if (isRefusal(body)) return refused(body);
  const lookUp = (sealed: string) => {
    const session = openMcpSession(path.sealer, authenticated.caller, sealed, path.clock());
    return session === undefined || path.endedSessions.has(session.id) || snapshot.revocations.isMcpSessionEnded(session.id) ? undefined : session;
  };
  const message = classifyMessage(body.value, inbound.headers, lookUp);
  if (isRefusal(message)) {
    Object.assign(context, identityOf(body.value, inbound));
    return refused(message);
  }
  if (message.type === 'accepted') {
    facts.method = message.method;
    facts.decision = 'allow';
    return { status: 202, headers: {}, body: noBody };
  }
  const { request } = message;
  Object.assign(context, { request, era: request.era });
  Object.assign(facts, { method: request.method, protocolVersion: request.version, traceId: traceIdIn(request) });

  const open: OpenCall = { token: authenticated.token, end: (reason) => {
    facts.reason = reason;
    inbound.cut();
  } };
  const call: Call = {
    ...authenticated, path, open, inbound, request, snapshot, facts,
    policies: compilePolicies(snapshot), documentsGeneration: documentsGeneration(snapshot), prefix: toolPrefixOf(snapshot), now: path.clock(),
  };
  const admitted = decideConnect(call.policies, call.caller, { sourceIp: inbound.sourceIp, now: call.now });
  facts.policies = { clientToGateway: admitted.policy, gatewayToServer: null };
  facts.policyRevision = admitted.revision;
  if (admitted.outcome === 'deny') {
    facts.reason = admitted.reason;
    return refused({ refused: 'not-admitted' });
  }

  inbound.onOver(path.openCalls.add(open));
  const answer = await perform(call, refused);
  if (isRefusal(answer)) return refused(answer);
  facts.decision ??= 'allow';
  return answer;
}

async function perform(call: Call, refuseLate: (refusal: Refusal) => Answer): Promise<Answer | Refusal> {
  const { path, request } = call;
  const { operation } = request;
  switch (operation.type) {
    case 'discover':
      return resultAnswer(request, discoverResult(path));
    case 'initialize': {
      const result = initializeResult(path, operation.requestedVersion);
      call.facts.protocolVersion = result.protocolVersion;
      const sessionId = sealMcpSession(path.sealer, call.caller, { version: result.protocolVersion, elicitsUrl: request.elicitsUrl }, call.now);
      return resultAnswer(request, result, { 'mcp-session-id': sessionId });
    }
    case 'ping':
      return resultAnswer(request, {});
    case 'list':
      return await listEntries(call, operation.what);
    case 'call':
      return await callTool(call, operation.name, operation.arguments, refuseLate);
    case 'read':
      return await readResource(call, operation.uri, refuseLate);
  }
}

const resultAnswer = (request: ClientRequest, result: object, headers?: Record<string, string>): Answer => jsonAnswer(200, { jsonrpc: '2.0', id: request.id, result }, headers);

async function readMessage(path: RequestPath, inbound: InboundRequest): Promise<{ value: unknown } | Refusal> {
  const mediaType = inbound.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (mediaType !== 'application/json' || inbound.headers.get('content-encoding') !== undefined) return { refused: 'media-type' };
  const body = await readBody(inbound, path.maxBodyBytes);
  if (body === 'too-large') return { refused: 'body-too-large' };
  return (body === 'not-utf8' ? undefined : parseStrictJson(body.text)) ?? { refused: 'not-json' };
}

/** `DELETE /mcp` ends a legacy session for all replicas; an id that is unknown, another's, or ended already is not found (R64). */
async function endSession(path: RequestPath, inbound: InboundRequest, { caller }: Authenticated, snapshot: ConfigurationSnapshot, facts: CallFacts, refused: (refusal: Refusal) => Answer): Promise<Answer> {
  facts.method = 'DELETE';
  const sealed = inbound.headers.get('mcp-session-id');
  if (sealed === undefined) return refused({ refused: 'invalid-request', message: 'Mcp-Session-Id is required.' });
  const session = openMcpSession(path.sealer, caller, sealed, path.clock());
  if (session === undefined || path.endedSessions.has(session.id) || snapshot.revocations.isMcpSessionEnded(session.id)) return refused({ refused: 'session-not-found' });
  await path.endedSessions.end(session);
  facts.decision = 'allow';
  return { status: 204, headers: {}, body: noBody };
}

/** The token's subject and agent: from here on every record has a user (R75). */
function callerFacts({ caller }: Authenticated): CallFacts {
  return { userId: caller.userId, trustProvider: caller.trustProvider, clientId: caller.clientId, agentName: caller.agentName, sid: caller.sid };
}

/** Id and era of a body that could be read, so that a refusal answers the right request in the right words. */
function identityOf(body: unknown, inbound: InboundRequest): Pick<RefusalContext, 'id' | 'era'> {
  if (!isJsonObject(body)) return { id: undefined, era: 'legacy' };
  const { id, params } = body;
  const meta = isJsonObject(params) ? params['_meta'] : undefined;
  const isModern = (isJsonObject(meta) && 'io.modelcontextprotocol/protocolVersion' in meta) || (inbound.headers.get('mcp-protocol-version') ?? '') >= MODERN_VERSION;
  return { id: typeof id === 'string' || typeof id === 'number' ? id : undefined, era: isModern ? 'modern' : 'legacy' };
}

/** W3C trace context, version 00. */
function traceIdIn({ meta }: ClientRequest): string | undefined {
  const traceparent = meta?.['traceparent'];
  return typeof traceparent === 'string' ? /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(traceparent)?.[1] : undefined;
}

function errorCodeIn(answer: Answer): number | undefined {
  if (answer.body.type !== 'text') return undefined;
  const body: unknown = JSON.parse(answer.body.text);
  const error = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}
