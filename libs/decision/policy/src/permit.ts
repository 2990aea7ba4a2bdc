import type { RecordedLevel } from './recorded-level.js';
import type { Caller } from './caller.js';

/** The policy that decided on each hop (R29); `null` where the decision did not get that far. */
export interface DecidingPolicies {
  readonly clientToGateway: string | null;
  readonly gatewayToServer: string | null;
}

declare const decided: unique symbol;

/**
 * Leave to reach one server with one credential, made for one operation, which it does not name. Only `decide()` makes
 * one (this constructor is not exported from the library), so that what asks for a Permit cannot be reached round
 * policy (R28).
 */
export interface Permit {
  readonly [decided]: true;
  readonly caller: Caller;
  readonly server: string;
  readonly credentialProvider: string;
  readonly policies: DecidingPolicies;
  /** Of the configuration it was decided on. */
  readonly revision: number;
  /** How much of the call's content the trail may have; nothing when absent (S30). */
  readonly record: RecordedLevel | undefined;
}

export function permit(facts: Omit<Permit, typeof decided>): Permit {
  return Object.freeze({ ...facts }) as Permit;
}
