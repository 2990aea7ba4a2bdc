import type { Messaging, MessagingProblemListener } from '../ports.js';
import { InProcessBroadcast } from './broadcast.js';
import { InProcessConfigurationLog } from './configuration-log.js';
import { InProcessEventStream } from './event-stream.js';
import { InProcessPeers } from './peers.js';
import { InProcessRequests } from './requests.js';

/**
 * One bus inside one process. Services that hold the returned object hear each other, and nothing else hears them. The
 * bus keeps nothing: what must survive lives in PostgreSQL and in the event spool. Close it last.
 */
export function createInProcessMessaging({
  onProblem = () => undefined,
}: { onProblem?: MessagingProblemListener } = {}): Messaging {
  const requests = new InProcessRequests(onProblem);
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
    request: (subject, payload, options) => requests.request(subject, payload, options),
    serve: (subject, handler) => requests.serve(subject, handler),
    refuses: () => Promise.resolve(false),
    connected: () => open,
    connections: () => 1,
    async close() {
      open = false;
      requests.close();
      configuration.close();
      events.close();
      broadcast.close();
    },
  };
}
