import type { RecordLevel } from '@sallyport/configuration';
import { applicablePolicies } from './applicable-policies.js';
import type { ConnectFacts } from './applicable-policies.js';
import type { Caller } from './caller.js';
import { circumstancesOf } from './circumstances.js';
import type { ClientToGatewayPolicy, CompiledPolicies, GatewayToServerPolicy } from './compile-policies.js';
import { DEFAULT_DENY } from './decision.js';
import type { AccessRequest, ConnectDecision, DecidingPolicies, Decision, DenialReason } from './decision.js';
import { examine, FirstHop, hasOtherForm } from './examine.js';
import { permit } from './permit.js';
import { pick } from './pick.js';
import type { Picked } from './pick.js';
import { stricterLevel } from './recorded-level.js';

/**
 * Both hops in one decision: may this human through this agent come in, and may they do this at this server (R3, R22)?
 * Default deny. One client-to-gateway policy and one gateway-to-server policy must each hold completely. `examine` says
 * of each policy whether it does, `pick` names the first by name that does, or else the one that came closest. Where
 * only scopes are missing that the user's roles give, the outcome is a step-up. A resource whose URI has another form
 * is denied before the second hop (S13). Pure: no I/O, and no clock but `request.now`.
 */
export function decide(policies: CompiledPolicies, caller: Caller, request: AccessRequest): Decision {
  const { revision } = policies;
  const examination = examine(policies, caller, request);
  const first = firstHop(pick(examination.clientToGateway));
  if (first.reason !== undefined) return deny(first.reason, first.policy, null, revision);
  if (hasOtherForm(request.action)) return deny('resource_uri_not_normal', first.policy, DEFAULT_DENY, revision);

  const second = pick(examination.gatewayToServer());
  if (second === undefined) return deny('no_gateway_to_server_policy', first.policy, DEFAULT_DENY, revision);
  if (second.outcome === 'fails') return deny(second.reason, first.policy, second.policy.name, revision);
  const named: DecidingPolicies = { clientToGateway: first.policy, gatewayToServer: second.policy.name };
  if (second.outcome === 'step-up')
    return { outcome: 'step-up', requiredScopes: second.requiredScopes, policies: named, revision };
  const record = stricterLevel(first.record, second.policy.record);
  return allow(second.policy, { caller, server: request.server, policies: named, revision, record });
}

function deny(
  reason: DenialReason,
  clientToGateway: string,
  gatewayToServer: string | null,
  revision: number,
): Decision {
  return { outcome: 'deny', reason, policies: { clientToGateway, gatewayToServer }, revision };
}

function allow(
  { credentialProvider }: GatewayToServerPolicy,
  facts: Omit<Parameters<typeof permit>[0], 'credentialProvider'>,
): Decision {
  const { policies, revision } = facts;
  return { outcome: 'allow', permit: permit({ ...facts, credentialProvider }), policies, revision };
}

/**
 * The first hop alone: for the gateway when a request arrives, and for the authorization server at authorize and token
 * time. Expressions see an empty `tool`.
 */
export function decideConnect(
  policies: CompiledPolicies,
  facts: ConnectFacts,
  request: { sourceIp: string | null; now: number },
): ConnectDecision {
  const { set, revision } = policies;
  const applicable = applicablePolicies(set, facts);
  const circumstances = circumstancesOf(set, applicable, { server: '', action: { type: 'connect' }, ...request });
  const { policy, reason } = firstHop(pick(new FirstHop(applicable, facts, circumstances)));
  return reason === undefined ? { outcome: 'allow', policy, revision } : { outcome: 'deny', reason, policy, revision };
}

/** Without a reason, the named policy lets the caller in. */
function firstHop(picked: Picked<Pick<ClientToGatewayPolicy, 'name' | 'record'>> | undefined): {
  readonly policy: string;
  readonly reason?: DenialReason;
  readonly record?: RecordLevel | undefined;
} {
  if (picked === undefined) return { policy: DEFAULT_DENY, reason: 'no_client_to_gateway_policy' };
  return picked.outcome === 'fails'
    ? { policy: picked.policy.name, reason: picked.reason }
    : { policy: picked.policy.name, record: picked.policy.record };
}
