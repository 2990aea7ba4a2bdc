import type { Caller } from './caller.js';
import type { DecidingPolicies } from './decision.js';

declare const decided: unique symbol;

/**
 * Leave to reach one server with one credential, for one operation. Only `decide()` makes one (this constructor is not
 * exported from the library), so that what asks for a Permit cannot be reached round policy (R28).
 */
export interface Permit {
  readonly [decided]: true;
  readonly caller: Caller;
  readonly server: string;
  readonly credentialProvider: string;
  readonly policies: DecidingPolicies;
  /** Of the configuration it was decided on. */
  readonly revision: number;
}

export function permit(facts: Omit<Permit, typeof decided>): Permit {
  return Object.freeze({ ...facts }) as Permit;
}
