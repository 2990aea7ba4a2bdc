import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { nkeyAuthenticator } from '@nats-io/transport-node';
import type { Secret } from '@sallyport/kernel';
import { MessagingError } from '../errors.js';
import type { Messaging, MessagingProblemListener } from '../ports.js';
import { NatsBroadcast } from './broadcast.js';
import { NatsConfigurationLog } from './configuration-log.js';
import { ensureStreams } from './ensure-streams.js';
import type { StreamLimits } from './ensure-streams.js';
import { NatsEventStream } from './event-stream.js';
import { NatsLink } from './link.js';
import type { LinkEvents, NatsOptions } from './link.js';
import { NatsPeers } from './peers.js';
import { inboxPrefixOf } from './permissions.js';
import { refusesToHear } from './refuses-to-hear.js';
import type { BusRole } from './permissions.js';
import { NatsRequests } from './requests.js';

export interface NatsMessagingOptions {
  /** `nats://host:port` or `tls://host:port`. */
  readonly servers: readonly string[];
  /** The replica's name, the same as in the server's configuration. */
  readonly name: string;
  readonly role: BusRole;
  /** What other gateways reach this process by; the replica's name by default. See `gatewayAddress`. */
  readonly address?: string;
  /** `SU…`; absent only on a bus without users. */
  readonly nkeySeed?: Secret;
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  /** Milliseconds to wait for the bus at the start; 20 s by default. */
  readonly connectTimeoutMs?: number;
  readonly streams?: StreamLimits;
  readonly onProblem?: MessagingProblemListener;
}

/**
 * The bus on NATS, with JetStream for what must last, all under the replica's own user. The control plane makes the
 * streams; every other role only reads the log and publishes its own events.
 * @throws MessagingError `messaging_unreachable`, `messaging_refused` (wrong key), `bus_name_invalid`
 */
export async function createNatsMessaging(options: NatsMessagingOptions): Promise<Messaging> {
  const { name, role, onProblem = () => undefined } = options;
  const linkOptions = natsOptions(options);
  const openLink = (events: Partial<LinkEvents> = {}): Promise<NatsLink> =>
    NatsLink.open(linkOptions, options.connectTimeoutMs ?? 20_000, {
      refused: (error) => onProblem('not-permitted', error),
      ...events,
    });

  let connections = 1;
  const link = await openLink({
    disconnected: () => onProblem('disconnected'),
    reconnected: () => {
      onProblem('reconnected');
      void onReconnect();
    },
  });
  const { connection } = link;
  const streamClient = jetstream(connection);
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const log = new NatsConfigurationLog({
    connection,
    jetstream: streamClient,
    manager,
    isUp: () => link.isUp,
    onProblem,
  });
  const prepare = async (): Promise<void> => {
    if (role === 'control-plane') await ensureStreams(manager, options.streams ?? {});
  };
  const onReconnect = async (): Promise<void> => {
    await prepare().catch((error: unknown) => onProblem('catch-up-failed', error));
    connections++;
    log.catchUp();
  };
  const asking = await prepare()
    .then(() => openLink())
    .catch(async (cause: unknown) => {
      await link.close();
      throw notServed(options, cause);
    });
  const requests = new NatsRequests({ asking, openServing: () => openLink(), group: role, onProblem });

  return {
    kind: 'nats',
    configuration: log,
    events: new NatsEventStream(streamClient, manager, onProblem),
    broadcast: new NatsBroadcast(connection, onProblem),
    peers: new NatsPeers(connection, { name, address: options.address ?? name }, onProblem),
    request: (subject, payload, waiting) => requests.request(subject, payload, waiting),
    serve: (subject, handler) => requests.serve(subject, handler),
    refuses: (subject) => refusesToHear(connection, subject),
    connected: () => link.isUp,
    connections: () => connections,
    async close() {
      log.close();
      await requests.close();
      await link.close();
    },
  };
}

function notServed({ servers, role, name }: NatsMessagingOptions, cause: unknown): MessagingError {
  return new MessagingError(
    'messaging_unreachable',
    `The bus at ${servers.join(', ')} does not serve ${role} ${name}: is JetStream on, and the user allowed what it ` +
      `needs?`,
    { cause, detail: cause },
  );
}

function natsOptions({ servers, name, nkeySeed, tls }: NatsMessagingOptions): NatsOptions {
  return {
    servers: [...servers],
    name,
    inboxPrefix: inboxPrefixOf(name),
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true, // a user that is missing from the server's file for a moment is not gone for good
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    noAsyncTraces: true, // a stack for each request costs more than the request
    pingInterval: 5_000,
    maxPingOut: 2,
    ...(nkeySeed ? { authenticator: nkeyAuthenticator(() => new TextEncoder().encode(nkeySeed.reveal())) } : {}),
    ...(tls ? { tls } : {}),
  };
}
