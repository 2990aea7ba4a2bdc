import type { StoreCounters } from '@sallyport/audit-chain';
import type { Query } from '@sallyport/database';
import { z } from 'zod';

const COUNTERS = `
  SELECT concat_ws('.', (SELECT system_identifier FROM pg_control_system()),
    (SELECT timeline_id FROM pg_control_checkpoint()),
    (SELECT oid FROM pg_database WHERE datname = current_database()),
    coalesce(to_regclass('"Event_before"'), '"Event"'::regclass)::oid) AS "identity",
    pg_current_xact_id()::text AS "transactions", (SELECT last_value FROM "Event_sequence_seq") AS "sequence"`;
const Counters = z.tuple([
  z.object({ identity: z.string(), transactions: z.coerce.number(), sequence: z.coerce.number() }),
]);

/**
 * Which store this is, and how far it has counted: a copy, a restored backup and a promoted standby are others.
 * `sequence` is the last that an event got. A store from before there were months goes by the table it had then.
 */
export async function readCounters(query: Query): Promise<StoreCounters & { readonly sequence: number }> {
  const [counters] = Counters.parse(await query({ text: COUNTERS, values: [] }));
  return counters;
}
