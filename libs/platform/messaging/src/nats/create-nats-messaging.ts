import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, nkeyAuthenticator, PermissionViolationError } from '@nats-io/transport-node';
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import { ClientProxyFactory, Transport } from '@nestjs/microservices';
import { SallyportError } from '@sallyport/kernel';
import type { Secret } from '@sallyport/kernel';
import type { ConfigurationLog, Messaging, MessagingProblemListener } from '../ports.js';
import { NatsBroadcast } from './broadcast.js';
import { NatsConfigurationFollower } from './configuration-follower.js';
import { NatsConfigurationWriter } from './configuration-writer.js';
import { ensureStreams } from './ensure-streams.js';
import type { StreamLimits } from './ensure-streams.js';
import { NatsEventStream } from './event-stream.js';
import { InboxOnlyDeserializer } from './inbox-only-deserializer.js';
import { NatsPeers } from './peers.js';
import { inboxPrefixOf } from './permissions.js';
import type { BusRole } from './permissions.js';
import { NatsRequestServer } from './request-server.js';

export interface NatsMessagingOptions {
  /** `nats://host:port` or `tls://host:port`. */
  readonly servers: readonly string[];
  /** The replica's name, the same as in the server's configuration. */
  readonly name: string;
  readonly role: BusRole;
  /** `SU…`; absent only on a bus without users. */
  readonly nkeySeed?: Secret;
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  /** Milliseconds to wait for the bus at the start; 20 s by default. */
  readonly connectTimeoutMs?: number;
  readonly streams?: StreamLimits;
  readonly onProblem?: MessagingProblemListener;
}

/**
 * The bus on NATS: Nest's transport for request and reply, JetStream for what must last, all under the replica's own
 * user. The control plane makes the streams; every other role only reads the log and publishes its own events.
 * @throws SallyportError `messaging_unreachable`, `messaging_refused` (wrong key), `bus_name_invalid`
 */
export async function createNatsMessaging(options: NatsMessagingOptions): Promise<Messaging> {
  const { name, role, onProblem = () => undefined } = options;
  const connectionOptions = natsOptions(options);
  const connection = await open(connectionOptions, options.connectTimeoutMs ?? 20_000);
  const streamClient = jetstream(connection);
  const manager = await jetstreamManager(connection, { checkAPI: false });
  const prepare = async (): Promise<void> => {
    if (role === 'control-plane') await ensureStreams(manager, options.streams ?? {});
  };
  const client = ClientProxyFactory.create({ transport: Transport.NATS, options: connectionOptions });
  try {
    await prepare();
    await client.connect();
  } catch (cause) {
    await Promise.allSettled([client.close(), connection.close()]);
    throw new SallyportError(
      'messaging_unreachable',
      `The bus at ${options.servers.join(', ')} does not serve ${role} ${name}: is JetStream on, and the user allowed what it needs?`,
      { cause, detail: cause },
    );
  }

  const followers = new Set<NatsConfigurationFollower>();
  let up = true;
  let connections = 1;
  const connected = () => up && !connection.isClosed();
  const onReconnect = async (): Promise<void> => {
    try {
      await prepare();
    } catch (error) {
      onProblem('catch-up-failed', error);
    }
    connections++;
    for (const follower of followers) follower.catchUp();
  };
  void watch(connection, {
    disconnected: () => {
      up = false;
      onProblem('disconnected');
    },
    reconnected: () => {
      up = true;
      onProblem('reconnected');
      void onReconnect();
    },
    refused: (error) => onProblem('not-permitted', error),
  });

  const writer = new NatsConfigurationWriter({ connection, jetstream: streamClient, manager, connected });
  const configuration: ConfigurationLog = {
    appendChange: (revision, jws) => writer.appendChange(revision, jws),
    appendBase: (revision, chunks) => writer.appendBase(revision, chunks),
    newest: () => writer.newest(),
    heartbeat: (jws) => writer.heartbeat(jws),
    async follow(listener) {
      const follower = new NatsConfigurationFollower(connection, listener, onProblem);
      followers.add(follower);
      follower.start();
      await connection.flush();
      return {
        restart: async () => follower.restart(),
        stop: async () => {
          followers.delete(follower);
          follower.stop();
        },
      };
    },
  };

  return {
    kind: 'nats',
    configuration,
    events: new NatsEventStream(streamClient, onProblem),
    broadcast: new NatsBroadcast(connection, onProblem),
    peers: new NatsPeers(connection, name, onProblem),
    client: () => client,
    server: (queue) => ({
      strategy: new NatsRequestServer({
        ...connectionOptions,
        queue,
        gracefulShutdown: true,
        gracePeriod: 200,
        deserializer: new InboxOnlyDeserializer(onProblem),
      }),
    }),
    connected,
    connections: () => connections,
    async close() {
      for (const follower of followers) follower.stop();
      followers.clear();
      await client.close();
      if (!connection.isClosed()) await connection.close();
    },
  };
}

type NatsOptions = NodeConnectionOptions & { servers: string[]; inboxPrefix: string; name: string };

function natsOptions({ servers, name, nkeySeed, tls }: NatsMessagingOptions): NatsOptions {
  return {
    servers: [...servers],
    name,
    inboxPrefix: inboxPrefixOf(name),
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true, // a user that is missing from the server's file for a moment is not gone for good
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    pingInterval: 5_000,
    maxPingOut: 2,
    ...(nkeySeed ? { authenticator: nkeyAuthenticator(() => new TextEncoder().encode(nkeySeed.reveal())) } : {}),
    ...(tls ? { tls } : {}),
  };
}

const ATTEMPT_MS = 3_000;
const PAUSE_MS = 250;

/** Tries until the bus is there, since services start in any order; a refused key is final. */
async function open(options: NatsOptions, timeoutMs: number): Promise<NatsConnection> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await connect({ ...options, timeout: ATTEMPT_MS });
    } catch (cause) {
      const servers = options.servers.join(', ');
      if (cause instanceof Error && /^(AuthorizationError|UserAuthenticationExpiredError)$/.test(cause.name))
        throw new SallyportError(
          'messaging_refused',
          `The bus at ${servers} does not accept the key of ${options.name}.`,
          { cause },
        );
      if (Date.now() >= deadline)
        throw new SallyportError('messaging_unreachable', `The bus at ${servers} cannot be reached.`, { cause });
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

interface ConnectionEvents {
  disconnected(): void;
  reconnected(): void;
  refused(error: Error): void;
}

async function watch(connection: NatsConnection, events: ConnectionEvents): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === 'disconnect') events.disconnected();
    else if (status.type === 'reconnect') events.reconnected();
    else if (status.type === 'error' && status.error instanceof PermissionViolationError) events.refused(status.error);
  }
}
