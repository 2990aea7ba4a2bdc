import { lifetimesOf } from '../entitlement/lifetimes.js';
import { endOverdueSessions } from '../lifecycle/end-overdue-sessions.js';
import { removeExpired } from '../lifecycle/remove-expired.js';
import { reportEndedSessions } from '../lifecycle/report-ended-sessions.js';
import type { SignIns } from './create-sign-ins.js';
import type { Storage } from './create-storage.js';
import type { Foundation } from './foundation.js';

/** Longer than a browser stays signed in at this server or the control plane. */
const SIGN_IN_USEFUL_MS = 10 * 3_600_000;

/** What is done now and then, on any number of replicas. */
export function periodicWork(
  { configuration, database, recorder, clock }: Foundation,
  { registrations, identities, sessions, endSession }: Storage,
  { rechecks }: Pick<SignIns, 'rechecks'>,
) {
  const { record } = recorder;
  return {
    /** Removes rows that have expired. */
    removeExpired: async () => void (await removeExpired(database, clock)),
    /** Ends what nobody uses any more: registrations, sign-ins and agent sessions. */
    endUnused: async () => {
      if (configuration.state().ready) await registrations.keepUp();
      await identities.endUnused(new Date(clock() - SIGN_IN_USEFUL_MS));
      await endOverdueSessions({ sessions, lifetimes: lifetimesOf(configuration.snapshot()), endSession, clock });
    },
    /** Reports sessions that ended without a record, and asks identity providers again about sign-ins. */
    keepSessions: async () => {
      recorder.sumUp();
      await reportEndedSessions({ sessions, record, clock });
      if (configuration.state().ready) await rechecks.checkDue();
    },
  };
}
