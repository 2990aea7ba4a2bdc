/**
 * The bus behind ports: request/reply by Nest's transports, the configuration log, the event stream, broadcasts.
 * Two adapters, NATS (JetStream) and in-process, pass one contract suite. What travels is `messages`.
 */
export type { Broadcast, ConfigurationLog, EventStream, Messaging, Unsubscribe } from './ports.js';
