import type { Clock } from '@sallyport/kernel';
import { decide, DEFAULT_DENY } from '@sallyport/policy';
import type { Action, Decision, Permit } from '@sallyport/policy';
import { adviceOn, adviceOnScopes } from '../protocol/denial-words.js';
import { isRefusal } from '../protocol/refusal.js';
import type { Refusal } from '../protocol/refusal.js';
import type { Call } from './call.js';
import { configuredFor } from './configured-for.js';
import type { CurrentConfiguration } from './configured-for.js';
import type { StepUpMemory } from './step-up-memory.js';

export interface DecisionsOptions {
  readonly configuration: CurrentConfiguration;
  readonly clock: Clock;
  readonly stepUps: StepUpMemory;
  /** Hears of each decision that ended because an expression was shown more than it may go through; must not throw. */
  readonly observeOverBudget?: ((policy: string) => void) | undefined;
}

/** Decides what one caller wants to do at one server. Only an allowed decision holds a permit. */
export class Decisions {
  readonly #options: DecisionsOptions;

  constructor(options: DecisionsOptions) {
    this.#options = options;
  }

  /**
   * Decides both hops for one operation. The record names the policies that decided, whatever they said (R29).
   * @param denied the refusal when the second hop says no
   */
  permit(call: Call, server: string, action: Action, denied: Refusal): Permit | Refusal {
    const decision = decisionOn(call, server, action);
    call.notes.decided(decision);
    switch (decision.outcome) {
      case 'allow':
        return decision.permit;
      case 'step-up':
        return this.#stepUp(call, decision.requiredScopes);
      case 'deny':
        if (decision.reason === 'expression_over_budget') this.#options.observeOverBudget?.(decidingPolicy(decision));
        if (decision.policies.gatewayToServer === null) return { type: 'not-admitted', reason: decision.reason };
        call.notes.because(decision.reason);
        return denied.type === 'denied' ? { ...denied, advice: adviceOn(decision.reason) } : denied;
    }
  }

  /** The call under the newest configuration: a long call is decided by it when it goes on. */
  asOfNow(call: Call): Call | Refusal {
    const current = this.#options.configuration();
    return 'unavailable' in current
      ? { type: 'not-ready', reason: current.unavailable }
      : { ...call, ...configuredFor(current.snapshot, call.caller, call.inbound.target, this.#options.clock()) };
  }

  /** Decides each change that a server tells of: policy may have withdrawn what the caller subscribed to (S17). */
  mayHear(call: Call, server: string, action: Action): boolean {
    const now = this.asOfNow(call);
    return !isRefusal(now) && decisionOn(now, server, action).outcome === 'allow';
  }

  /**
   * Asks for more scopes once. The challenge holds what the token has as well: agents ask for what is in it, and some
   * ask for nothing else (RFC 6750 section 3, MCP authorization "Scope Challenge Handling").
   */
  #stepUp({ caller }: Call, requiredScopes: readonly string[]): Refusal {
    const missing = requiredScopes.filter((scope) => !caller.scopes.has(scope));
    if (!this.#options.stepUps.mayAsk(caller, requiredScopes))
      return { type: 'denied', advice: adviceOnScopes(missing) };
    return {
      type: 'insufficient-scope',
      missing,
      requiredScopes: [...new Set([...caller.scopes, ...requiredScopes])],
    };
  }
}

/** What policy says of an operation. The record does not hear of it. */
export function decisionOn(call: Call, server: string, action: Action): Decision {
  return decide(call.policies, call.caller, { server, action, sourceIp: call.inbound.sourceIp, now: call.now });
}

const decidingPolicy = ({ policies }: Decision): string =>
  policies.gatewayToServer ?? policies.clientToGateway ?? DEFAULT_DENY;
