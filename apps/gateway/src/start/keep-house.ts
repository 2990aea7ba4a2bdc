import type { GatewayParts } from './create-request-path.js';
import type { TokenVerification } from './create-token-verification.js';
import type { Foundation } from './foundation.js';
import type { RecordSpool } from './open-record-spool.js';
import type { ServerConnections } from './open-server-connections.js';

const HOUSEKEEPING_MS = 5_000;
/** A revocation ends what is running within this and the time the revocation travels. */
const OPEN_CALLS_MS = 500;

/** Ends running calls that may not go on (S17): what was revoked, and beside it what is no longer permitted. */
export function watchOpenCalls({ scope, configuration, snapshot }: Foundation, { openCalls }: GatewayParts): void {
  const failure = 'it cannot be told which calls may go on';
  scope.every(
    OPEN_CALLS_MS,
    async () => {
      const { ready, stale } = configuration.state();
      if (ready && stale) openCalls.endAll('configuration_stale');
      else if (ready) await openCalls.endRevoked(snapshot);
    },
    failure,
  );
  scope.every(
    OPEN_CALLS_MS,
    async () => {
      const { ready, stale } = configuration.state();
      if (ready && !stale) await openCalls.endForbidden(snapshot);
    },
    failure,
  );
}

/** Forgets what is over, and looks for what is due. */
export function keepHouse(
  { scope, logger }: Foundation,
  {
    path,
    servers,
    records,
    tokens,
  }: { path: GatewayParts; servers: ServerConnections; records: RecordSpool; tokens: TokenVerification },
): void {
  const sweepSessionNotes = () => {
    const hasEnded = (id: string) => path.endedSessions.has(id);
    const [subscriptions, levels] = [path.resourceSubscriptions.sweep(hasEnded), path.logLevels.sweep(hasEnded)];
    if (subscriptions + levels > 0)
      logger.warn(
        { subscriptions, levels },
        'what some sessions asked for is not remembered: their users have more sessions than there is room for',
      );
  };
  const housekeeping = () => {
    path.leases.sweep();
    path.endedSessions.sweep();
    sweepSessionNotes();
    tokens.proofs.sweep();
    records.spool.recover();
    void records.recordRefusals('over');
    servers.sweep();
    const { keys } = tokens.verifier;
    if (keys.loaded) keys.refreshWhenOld();
    else void keys.reload();
  };
  scope.every(HOUSEKEEPING_MS, housekeeping, 'what is over could not be forgotten');
}
