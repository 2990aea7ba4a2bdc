import type { Messaging, MessagingProblemListener } from '../ports.js';
import { InProcessBroadcast } from './broadcast.js';
import { InProcessConfigurationLog } from './configuration-log.js';
import { InProcessEventStream } from './event-stream.js';
import { InProcessPeers } from './peers.js';
import { InProcessClient, InProcessServer, Switchboard } from './transport.js';

/**
 * One bus inside one process: what is passed the returned object talks to each other, and nothing else hears it. It
 * keeps nothing: what must survive lives in PostgreSQL and in the event spool. Close it last.
 */
export function createInProcessMessaging({
  onProblem = () => undefined,
}: { onProblem?: MessagingProblemListener } = {}): Messaging {
  const switchboard = new Switchboard();
  const client = new InProcessClient(switchboard);
  const configuration = new InProcessConfigurationLog(onProblem);
  const events = new InProcessEventStream(onProblem);
  const broadcast = new InProcessBroadcast(onProblem);
  const peers = new InProcessPeers(onProblem);
  let open = true;
  return {
    kind: 'in-process',
    configuration,
    events,
    broadcast,
    peers,
    client: () => client,
    server: (queueGroup) => ({ strategy: new InProcessServer(switchboard, queueGroup) }),
    connected: () => open,
    connections: () => 1,
    async close() {
      open = false;
      configuration.close();
      events.close();
      broadcast.close();
    },
  };
}
