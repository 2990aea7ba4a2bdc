import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { Clock } from '@sallyport/kernel';
import { decideConnect } from '@sallyport/policy';
import type { Admitted, Authenticated } from '../call/call.js';
import type { CallNotes } from '../call/call-notes.js';
import { configuredFor } from '../call/configured-for.js';
import type { InboundRequest } from '../protocol/exchange.js';
import type { Refusal } from '../protocol/refusal.js';

export interface AdmitUses {
  readonly clock: Clock;
  /** Hears of each decision that ended because an expression was shown more than it may go through; must not throw. */
  readonly observeOverBudget?: ((policy: string) => void) | undefined;
}

/**
 * Decides the first hop, once for the exchange and before anybody looks at what it brings. Whatever is done for a
 * caller takes an `Admitted`, and nothing else makes one: a request, a notification, an answer and a `DELETE` get in by
 * one door.
 */
export function admit(
  { clock, observeOverBudget }: AdmitUses,
  { sourceIp, target }: InboundRequest,
  authenticated: Authenticated,
  snapshot: ConfigurationSnapshot,
  notes: CallNotes,
): Admitted | Refusal {
  const configured = configuredFor(snapshot, authenticated.caller, target, clock());
  const decision = decideConnect(configured.policies, authenticated.caller, { sourceIp, now: configured.now });
  const policies = { clientToGateway: decision.policy, gatewayToServer: null };
  notes.decided({ policies, revision: decision.revision });
  if (decision.outcome === 'deny') {
    if (decision.reason === 'expression_over_budget') observeOverBudget?.(decision.policy);
    return { type: 'not-admitted', reason: decision.reason };
  }
  if (target !== undefined && configured.servers.length === 0) return { type: 'unknown-server' };
  return { ...authenticated, ...configured } as Admitted;
}

/** A caller that was admitted before, where the same would be decided now. */
export const admittedAgain = (admitted: Admitted, now: number): Admitted => ({ ...admitted, now });
