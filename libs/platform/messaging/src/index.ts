/**
 * The bus behind ports: request/reply by Nest's transports, the configuration log, the event stream, broadcasts.
 * Two adapters, NATS (JetStream) and in-process, pass one contract suite. What travels is `messages`; who signs and
 * who verifies it is not decided here.
 */
export type { Broadcast, ConfigurationLog, EventStream, Messaging, MessagingProblem, MessagingProblemListener, Unsubscribe } from './ports.js';
export { createInProcessMessaging } from './in-process/create-in-process-messaging.js';
export { request } from './request.js';
