/**
 * The bus behind ports: request and reply, the configuration log, the event stream, broadcasts, talk between replicas.
 * Two adapters, NATS (JetStream) and in-process, pass one contract suite. What travels is `messages`; who signs and
 * who verifies it is not decided here. `natsServerConfig` writes what a NATS server must allow each replica, no more.
 */
export type {
  Broadcast,
  ConfigurationLog,
  EventBatch,
  EventHandler,
  EventStream,
  Messaging,
  MessagingProblem,
  MessagingProblemListener,
  Peers,
  RequestHandler,
  Requests,
  Unsubscribe,
} from './ports.js';
export { Admission } from './admission.js';
export type { AdmissionOptions } from './admission.js';
export { createInProcessMessaging } from './in-process/create-in-process-messaging.js';
export { createNatsMessaging } from './nats/create-nats-messaging.js';
export type { NatsMessagingOptions } from './nats/create-nats-messaging.js';
export type { StreamLimits } from './nats/ensure-streams.js';
export { createNkey, ensureBusUsers, nkeySeedFile, publicNkeyOf, readNkeySeed } from './nats/bus-users.js';
export { CONTROL_PLANE_GROUP, inboxPrefixOf, permissionsFor } from './nats/permissions.js';
export type { BusRole, BusUser } from './nats/permissions.js';
export { natsServerConfig } from './nats/server-config.js';
export type { NatsServerConfigOptions } from './nats/server-config.js';
export { MessagingError } from './errors.js';
export type { MessagingErrorCode } from './errors.js';
export { serveAll } from './serve-all.js';
export { traceRequests } from './trace-requests.js';
