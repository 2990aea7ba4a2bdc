import { MessagingError } from '../errors.js';
import { streams, subjects } from '@sallyport/messages';

export type BusRole = 'control-plane' | 'gateway' | 'authorization-server' | 'token-refresh-worker';

/** One replica: its name is its place in the event stream and its inbox. */
export interface BusUser {
  readonly role: BusRole;
  readonly name: string;
  /** `U…`; the private seed stays with the replica. */
  readonly publicNkey: string;
}

export interface BusPermissions {
  readonly publish: readonly string[];
  /** `subject` or `subject queue-group`. */
  readonly subscribe: readonly string[];
  /** May answer what it is asked: one message to each reply subject it was given. */
  readonly answers: boolean;
}

/** Replicas of the control plane share the work under this name: the queue group and the durable consumer of events. */
export const CONTROL_PLANE_GROUP = 'control-plane';

/** Replicas of the authorization server: one of them obeys a command. */
export const AUTHORIZATION_SERVER_GROUP = 'authorization-server';

export const CONFIGURATION_SUBJECTS = 'sallyport.v1.configuration.*';

/** Where a replica's answers arrive; no other user may listen there. */
export function inboxPrefixOf(name: string): string {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || name.length > 63)
    throw new MessagingError(
      'bus_name_invalid',
      `"${name}" cannot name a replica: lower-case letters, digits and single hyphens, at most 63.`,
    );
  return `_INBOX_${name}`;
}

const readConfiguration = `$JS.API.DIRECT.GET.${streams.configuration}`;

/**
 * The least each replica needs (security rule S26). Everything not listed is refused: nobody but the control plane
 * writes configuration or touches JetStream, a replica reads its own inbox only and publishes events and reports under
 * its own name.
 */
export function permissionsFor({ role, name }: Pick<BusUser, 'role' | 'name'>): BusPermissions {
  const inbox = `${inboxPrefixOf(name)}.>`;
  const everybody = {
    publish: [subjects.events(name), subjects.report(role, name), readConfiguration],
    subscribe: [CONFIGURATION_SUBJECTS, inbox],
    answers: false,
  };
  switch (role) {
    case 'gateway':
      return {
        ...everybody,
        publish: [
          ...everybody.publish,
          subjects.report(role, `${name}.*`),
          subjects.lease,
          subjects.endMcpSessions,
          subjects.listEndedMcpSessions,
          subjects.gateway('*'),
          subjects.gateway('*.*'),
          subjects.gatewayReply('*'),
          subjects.gatewayReply('*.*'),
          subjects.allGateways,
        ],
        // What is said to another replica is that replica's alone to hear; what it is worth, the seal says. Replies
        // have a subject of their own: with `answers` a gateway could answer what it overhears, the control plane's
        // appends among it. The workers of a replica are one user, with addresses below its name (`gatewayAddress`).
        subscribe: [
          ...everybody.subscribe,
          subjects.credentialChanged,
          subjects.mcpSessionsEnded,
          subjects.gateway(name),
          subjects.gateway(`${name}.*`),
          subjects.gatewayReply(name),
          subjects.gatewayReply(`${name}.*`),
          subjects.allGateways,
        ],
      };
    case 'authorization-server':
      return {
        ...everybody,
        subscribe: [
          ...everybody.subscribe,
          `${subjects.rotateSigningKeys} ${AUTHORIZATION_SERVER_GROUP}`,
          `${subjects.removeRegistration} ${AUTHORIZATION_SERVER_GROUP}`,
          `${subjects.exchangeSignIn} ${AUTHORIZATION_SERVER_GROUP}`,
        ],
        answers: true,
      };
    case 'token-refresh-worker':
      return { ...everybody, publish: [...everybody.publish, subjects.credentialChanged] };
    case 'control-plane':
      return {
        publish: [
          ...everybody.publish,
          CONFIGURATION_SUBJECTS,
          subjects.credentialChanged,
          subjects.mcpSessionsEnded,
          subjects.rotateSigningKeys,
          subjects.removeRegistration,
          subjects.exchangeSignIn,
          ...jetStreamAdministration,
        ],
        subscribe: [
          ...everybody.subscribe,
          subjects.credentialChanged,
          subjects.allReports,
          ...[subjects.lease, subjects.endMcpSessions, subjects.listEndedMcpSessions].map(
            (subject) => `${subject} ${CONTROL_PLANE_GROUP}`,
          ),
        ],
        answers: true,
      };
  }
}

/** Of our two streams and the one consumer, and of nothing else in the account. */
const jetStreamAdministration = [
  ...[streams.configuration, streams.events].flatMap((stream) =>
    ['CREATE', 'UPDATE', 'INFO'].map((operation) => `$JS.API.STREAM.${operation}.${stream}`),
  ),
  `$JS.API.STREAM.PURGE.${streams.configuration}`,
  `$JS.API.CONSUMER.CREATE.${streams.events}.${CONTROL_PLANE_GROUP}`,
  `$JS.API.CONSUMER.DURABLE.CREATE.${streams.events}.${CONTROL_PLANE_GROUP}`,
  `$JS.API.CONSUMER.DELETE.${streams.events}.${CONTROL_PLANE_GROUP}`,
  `$JS.API.CONSUMER.INFO.${streams.events}.${CONTROL_PLANE_GROUP}`,
  `$JS.API.CONSUMER.MSG.NEXT.${streams.events}.${CONTROL_PLANE_GROUP}`,
  `$JS.ACK.${streams.events}.${CONTROL_PLANE_GROUP}.>`,
];
