import { compilePolicies, decide, serversFor } from '@sallyport/policy';
import type { Action, Decision, Permit } from '@sallyport/policy';
import { mismatchedParameterHeader, parameterHeaders, serverResourceUri } from '@sallyport/server';
import type { DocumentOf } from '@sallyport/configuration';
import { isJsonObject } from '@sallyport/mcp-relay';
import type { RelayAnswer } from '@sallyport/mcp-relay';
import { jsonAnswer } from '../http/exchange.js';
import type { Answer } from '../http/exchange.js';
import { forward } from '../outbound/forward.js';
import type { ServerRequest } from '../outbound/forward.js';
import type { CredentialLease } from '../outbound/credential-leases.js';
import { originOf, withLease } from '../outbound/with-lease.js';
import { openRequestState } from '../session/request-state.js';
import { leaseRefusal, leaseTarget, operationOf, titleOf } from './reach.js';
import { relayAnswer } from './relay-answer.js';
import { resolveTool } from './resolve-tool.js';
import { isRefusal } from './refusal.js';
import type { Refusal } from './refusal.js';
import { documentsGeneration } from './request-path.js';
import type { Call } from './request-path.js';

type RefuseLate = (refusal: Refusal) => Answer;

/** tools/call: resolve target → decide → lease → forward (R59, R62). */
export async function callTool(call: Call, name: string, args: Record<string, unknown> | undefined, refuseLate: RefuseLate): Promise<Answer | Refusal> {
  const target = await resolveTool(call, name);
  if (isRefusal(target)) return target;
  const { server } = target;
  call.facts.server = server.name;
  const retry = readRetry(call, server);
  if (isRefusal(retry)) return retry;
  if (target.type === 'connect') return await connect(call, server);

  const { tool } = target;
  call.facts.target = tool.name;
  const mismatch = call.request.era === 'modern' ? mismatchedParameterHeader(tool.parameterHeaders, args, (header) => call.inbound.headers.get(header)) : undefined;
  if (mismatch !== undefined) return { refused: 'header-mismatch', message: `${mismatch} is missing or differs from the arguments.` };

  // Annotations count only from an approved pin (security rule S14); there are none yet, so a tool is taken as destructive.
  const action: Action = { type: 'tool', name: tool.name, arguments: args ?? {} };
  const permit = permitOf(call, decide(call.policies, call.caller, { server: server.name, action, sourceIp: call.inbound.sourceIp, now: call.now }), { refused: 'denied' });
  if (isRefusal(permit)) return permit;
  const params = { name: tool.name, ...(args === undefined ? {} : { arguments: args }), ...retry.params };
  return await leaseAndForward(call, permit, server, action, { ...ofCall(call, params), name: tool.name, parameterHeaders: parameterHeaders(tool.parameterHeaders, args) }, refuseLate);
}

/** resources/read: the same way; the server is the one the URI names (R61, S13). */
export async function readResource(call: Call, publicUri: string, refuseLate: RefuseLate): Promise<Answer | Refusal> {
  const unknown: Refusal = { refused: 'unknown-resource', uri: publicUri };
  const found = serverResourceUri(publicUri, serversFor(call.policies, call.caller), call.prefix);
  const server = found === undefined ? undefined : call.snapshot.get('McpServer', found.server);
  if (found === undefined || server === undefined) return unknown;
  call.facts.server = server.name;
  call.facts.target = found.uri;
  const retry = readRetry(call, server);
  if (isRefusal(retry)) return retry;
  // A resource that may not be read looks like one that is not there (S15).
  const action: Action = { type: 'resource', uri: found.uri };
  const permit = permitOf(call, decide(call.policies, call.caller, { server: server.name, action, sourceIp: call.inbound.sourceIp, now: call.now }), unknown);
  if (isRefusal(permit)) return permit;
  return await leaseAndForward(call, permit, server, action, { ...ofCall(call, { uri: found.uri, ...retry.params }), name: found.uri }, refuseLate);
}

async function leaseAndForward(call: Call, permit: Permit, server: DocumentOf<'McpServer'>, action: Action, request: ServerRequest, refuseLate: RefuseLate): Promise<Answer | Refusal> {
  const { path, inbound } = call;
  const leased = await withLease<RelayAnswer>(path.leases, permit, leaseTarget(call, server), (lease) => {
    call.open.lost = permitWatch(call, permit, lease, action);
    return forward(permit, lease, server, request, { channel: path.channel, clientInfo: path.identity, signal: inbound.disconnected });
  });
  if (leased.type !== 'used') return leaseRefusal(call, server, leased);
  call.facts.connectionId = leased.lease.connectionId ?? undefined;
  return await relayAnswer(call, server, leased.lease, leased.value, refuseLate);
}

/** Time and network count while a call runs, too; a change of documents counts at once. */
const DECIDED_AGAIN_MS = 10_000;

/** Says when a call that runs may no longer (security rule S17): its credential was revoked, or policy would not let it in again. */
function permitWatch(call: Call, permit: Permit, lease: CredentialLease, action: Action): NonNullable<Call['open']['lost']> {
  let { documentsGeneration: generation, now: decidedAt } = call;
  return (snapshot) => {
    const { revocations } = snapshot;
    if ((lease.connectionId !== null && revocations.isConnectionRevoked(lease.connectionId, lease.leasedAt)) || revocations.isServerRevoked(permit.server, lease.leasedAt)) return 'credential_revoked';
    const now = call.path.clock();
    if (documentsGeneration(snapshot) === generation && now - decidedAt < DECIDED_AGAIN_MS) return undefined;
    [generation, decidedAt] = [documentsGeneration(snapshot), now];
    const decision = decide(compilePolicies(snapshot), call.caller, { server: permit.server, action, sourceIp: call.inbound.sourceIp, now });
    const server = snapshot.get('McpServer', permit.server);
    const isSame = decision.outcome === 'allow' && decision.permit.credentialProvider === permit.credentialProvider && server !== undefined && originOf(server) === lease.targetOrigin;
    return isSame ? undefined : 'permit_lost';
  };
}

/** Our own `<server>__connect`: a link, or the news that there is nothing to do. */
async function connect(call: Call, server: DocumentOf<'McpServer'>): Promise<Answer | Refusal> {
  const permit = permitOf(call, decide(call.policies, call.caller, { server: server.name, action: { type: 'connect' }, sourceIp: call.inbound.sourceIp, now: call.now }), { refused: 'denied' });
  if (isRefusal(permit)) return permit;
  const leased = await call.path.leases.lease(permit, leaseTarget(call, server));
  if (leased.type !== 'granted') return leaseRefusal(call, server, leased);
  call.facts.connectionId = leased.lease.connectionId ?? undefined;
  const result = { ...(call.request.era === 'modern' ? { resultType: 'complete' } : {}), content: [{ type: 'text', text: `${titleOf(server)} is connected. List the tools again to see what it offers.` }] };
  return jsonAnswer(200, { jsonrpc: '2.0', id: call.request.id, result });
}

/** Only an allowed decision holds a permit; the record names the policies either way (R29). */
function permitOf(call: Call, decision: Decision, denied: Refusal): Permit | Refusal {
  call.facts.policies = decision.policies;
  call.facts.policyRevision = decision.revision;
  switch (decision.outcome) {
    case 'allow':
      return decision.permit;
    case 'step-up':
      return call.path.stepUps.mayAsk(call.caller, decision.requiredScopes) ? { refused: 'insufficient-scope', requiredScopes: decision.requiredScopes } : { refused: 'denied' };
    case 'deny':
      call.facts.reason = decision.reason;
      return decision.policies.gatewayToServer === null ? { refused: 'not-admitted' } : denied;
  }
}

/** What a retry after `input_required` brings: our own state, opened, or a refusal. Accepting proves nothing (security rule S16). */
function readRetry(call: Call, server: DocumentOf<'McpServer'>): { readonly params: Record<string, unknown> } | Refusal {
  const { requestState, responses } = call.request.retry;
  if (requestState === undefined) return { params: {} };
  const state = openRequestState(call.path.sealer, call.caller, operationOf(call, server.name), requestState, call.now);
  if (state === undefined) return { refused: 'invalid-params', message: 'requestState does not belong to this request, or is too old.' };
  if (state.kind === 'server') return { params: { ...(state.downstream === undefined ? {} : { requestState: state.downstream }), ...(responses === undefined ? {} : { inputResponses: responses }) } };
  const response = responses?.['connect'];
  const action = isJsonObject(response) ? response['action'] : undefined;
  return action === 'decline' || action === 'cancel' ? { refused: 'connect-declined', title: titleOf(server) } : { params: {} };
}

const ofCall = ({ request: { id, method, meta } }: Call, params: Record<string, unknown>): ServerRequest => ({ id, method, params, meta });
