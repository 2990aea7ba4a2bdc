import { applicablePolicies } from './applicable-policies.js';
import type { Caller } from './caller.js';
import type { CompiledPolicies } from './compile-policies.js';
import type { Conditions } from './compile-conditions.js';
import { SKEW_SECONDS } from './failing-condition.js';

/** How long what was decided stays decided, as long as neither the documents nor the caller change. */
export interface Steadiness {
  /** Milliseconds since the epoch: from then on the clock may change it. */
  readonly until: number;
  /** The arguments of a tool may change what is decided on its calls, and nothing else. */
  readonly looksAtArguments: boolean;
}

/**
 * How steady all decisions on this caller at this server are, from one address: what any policy that applies to them
 * looks at beside the documents, the caller, the address and the operation. `until` is `now` where that is more than
 * the clock can tell in advance.
 */
export function steadinessOf({ set }: CompiledPolicies, caller: Caller, server: string, now: number): Steadiness {
  const { clientToGateway, byServer } = applicablePolicies(set, caller);
  const all = [...clientToGateway, ...(byServer.get(server) ?? [])].map(({ conditions }) => conditions);
  return {
    until: Math.min(...all.map((conditions) => steadyUntil(conditions, caller, now)), Infinity),
    looksAtArguments: all.some(({ when }) => when?.reads.toolArguments === true),
  };
}

function steadyUntil({ maxAuthAgeSeconds, hours, when }: Conditions, { authTime }: Caller, now: number): number {
  // `request` has the time.
  if (hours !== undefined || when?.reads.request === true) return now;
  if (maxAuthAgeSeconds === undefined) return Infinity;
  const changes = [authTime - SKEW_SECONDS, authTime + maxAuthAgeSeconds].map((seconds) => seconds * 1000);
  return changes.find((change) => change >= now) ?? Infinity;
}
