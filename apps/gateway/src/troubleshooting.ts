import type { Refusal } from './protocol/refusal.js';
import { endedTroubles } from './troubleshooting/ended-calls.js';
import { OPERATION_REFUSALS } from './troubleshooting/operation-refusals.js';
import { deniedTroubles, trailTroubles } from './troubleshooting/policy-denials.js';
import { REQUEST_REFUSALS } from './troubleshooting/request-refusals.js';
import { unavailableTroubles } from './troubleshooting/unavailable-servers.js';
import { troubleOf } from './troubleshooting/trouble.js';
import type { Entries, Entry, Trouble } from './troubleshooting/trouble.js';

/** Every refusal has an entry: one without is a type error. */
const REFUSALS: Entries = { ...REQUEST_REFUSALS, ...OPERATION_REFUSALS };

/** The gateway's part of `docs/troubleshooting.md`, in the words of an agent and, of denials, of the trail. */
export function gatewayTroubles(): { readonly agent: readonly Trouble[]; readonly trail: readonly Trouble[] } {
  return {
    agent: [
      ...Object.values(REFUSALS).flatMap((entries: readonly Entry<Refusal>[]) => entries.map(troubleOf)),
      ...deniedTroubles(),
      ...endedTroubles(),
      ...unavailableTroubles(),
    ],
    trail: trailTroubles(),
  };
}
