import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { steadinessOf } from '@sallyport/policy';
import type { Caller, Decision } from '@sallyport/policy';
import type { Admitted, Call } from '../call/call.js';
import { decisionOn } from '../call/decide-operation.js';
import { leaseTarget } from '../call/lease-target.js';
import type { Found, ResolveAtHand } from '../call/resolve-name.js';
import type { Sendable } from '../conversation/forward-call.js';
import type { AtHand } from '../outbound/at-hand.js';
import type { CredentialLease } from '../outbound/credential-leases.js';
import type { ServerAccess } from '../outbound/server-access.js';
import { toolTarget } from '../operations/call-tool.js';
import type { Operation } from '../protocol/client-message.js';
import type { InboundRequest } from '../protocol/exchange.js';
import { isRefusal } from '../protocol/refusal.js';

type Allowed = Extract<Decision, { outcome: 'allow' }>;

/** What is known of a caller from one address at one address of ours, under one snapshot. */
export interface KnownCaller {
  readonly snapshot: ConfigurationSnapshot;
  readonly sourceIp: string | null;
  readonly target: string | undefined;
  /** Milliseconds since the epoch: until then the same would be decided. */
  readonly until: number;
  readonly admitted: Admitted;
  readonly tools: Map<string, KnownTool>;
}

interface KnownTool {
  readonly until: number;
  readonly found: AtHand<Found<'tools'>>;
  /** What was decided on a call, where its arguments do not matter. */
  readonly allowed: Allowed | undefined;
  readonly lease: AtHand<CredentialLease>;
  readonly credentialProvider: string;
}

/** A call that is permitted, and what it is made with. */
export interface PermittedCall {
  readonly target: Sendable;
  readonly allowed: Allowed;
  readonly lease: CredentialLease;
}

const MOST_TOOLS = 256;

/**
 * What was decided and found for a caller, as long as it would be again: under the same snapshot of the configuration,
 * from the same address, before the time at which a condition could change its answer, and while lease and listing are
 * the remembered ones. Whatever is not steady is not in here (decision 0049).
 */
export class WarmMemory {
  readonly #callers = new WeakMap<Caller, KnownCaller>();

  recall(
    caller: Caller,
    snapshot: ConfigurationSnapshot,
    inbound: InboundRequest,
    now: number,
  ): KnownCaller | undefined {
    const known = this.#callers.get(caller);
    return known?.snapshot === snapshot &&
      known.sourceIp === inbound.sourceIp &&
      known.target === inbound.target &&
      now < known.until
      ? known
      : undefined;
  }

  remember(admitted: Admitted, inbound: InboundRequest): KnownCaller {
    const { caller, snapshot, policies, now } = admitted;
    const { until } = steadinessOf(policies, caller, '', now);
    const { sourceIp, target } = inbound;
    const known = { snapshot, sourceIp, target, until, admitted, tools: new Map<string, KnownTool>() };
    this.#callers.set(caller, known);
    return known;
  }
}

export interface PermitAtHandUses {
  readonly resolveAtHand: ResolveAtHand;
  readonly servers: ServerAccess;
}

/**
 * Finds the tool that a call names, decides on the call and finds its lease, where all of it is remembered.
 * @returns undefined where something is not, and where the call is not permitted
 */
export function permitAtHand(
  uses: PermitAtHandUses,
  { tools }: KnownCaller,
  call: Call,
  operation: Extract<Operation, { type: 'call' }>,
): PermittedCall | undefined {
  const key = `${[...call.request.abilities].join()} ${operation.name}`;
  const known = currentIn(tools, key, call.now);
  const found = known?.found ?? uses.resolveAtHand(call, 'tools', operation.name);
  const target = found && toolTarget(call, found.value, operation);
  if (target === undefined || isRefusal(target) || typeof target.request === 'function') return undefined;
  const { server } = target;
  const allowed = known?.allowed ?? decisionOn(call, server.name, target.action);
  // What is recorded of a call's content is found out on the long way.
  if (allowed.outcome !== 'allow' || allowed.permit.record !== undefined) return undefined;
  const { credentialProvider } = allowed.permit;
  const lease =
    known?.credentialProvider === credentialProvider
      ? known.lease
      : uses.servers.leaseAtHand(allowed.permit, leaseTarget(call, server));
  if (lease === undefined) return undefined;
  if (known === undefined && found !== undefined) {
    const { until, looksAtArguments } = steadinessOf(call.policies, call.caller, server.name, call.now);
    if (tools.size >= MOST_TOOLS) tools.clear();
    tools.set(key, { until, found, allowed: looksAtArguments ? undefined : allowed, lease, credentialProvider });
  }
  return { target: { ...target, request: target.request }, allowed, lease: lease.value };
}

function currentIn(tools: KnownCaller['tools'], key: string, now: number): KnownTool | undefined {
  const known = tools.get(key);
  return known !== undefined && now < known.until && known.found.isCurrent() && known.lease.isCurrent()
    ? known
    : undefined;
}
