import type { ConfigurationSnapshot } from '@sallyport/configuration';
import { decideConnect } from '@sallyport/policy';
import type { CallFacts, InboundRequest } from '../http/exchange.js';
import type { Authenticated } from './authenticate.js';
import type { Refusal } from './refusal.js';
import { decidedBy } from './request-path.js';
import type { Admitted, RequestPath } from './request-path.js';

/**
 * The first hop, decided once for the exchange and before anybody looks at what it brings: whatever is done for a caller takes
 * an `Admitted`, and nothing else makes one. So a request, a notification, an answer and a `DELETE` get in by the same door.
 */
export function admit(
  path: RequestPath,
  { sourceIp, target }: InboundRequest,
  authenticated: Authenticated,
  snapshot: ConfigurationSnapshot,
  facts: CallFacts,
): Admitted | Refusal {
  const decided = decidedBy(path, snapshot, authenticated.caller, target);
  const decision = decideConnect(decided.policies, authenticated.caller, { sourceIp, now: decided.now });
  facts.policies = { clientToGateway: decision.policy, gatewayToServer: null };
  facts.policyRevision = decision.revision;
  if (decision.outcome === 'deny' && decision.reason === 'expression_over_budget')
    path.observeOverBudget?.(decision.policy);
  if (decision.outcome === 'deny') return { refused: 'not-admitted', reason: decision.reason };
  if (target !== undefined && decided.servers.length === 0) return { refused: 'unknown-server' };
  return { ...authenticated, ...decided } as Admitted;
}
