import { connect, nkeyAuthenticator } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { startPrivateNats } from '@sallyport/testing';
import { createNatsMessaging, createNkey, inboxPrefixOf, natsServerConfig } from '../index.js';
import type { BusRole, BusUser, Messaging, MessagingProblem } from '../index.js';

/** A server as a deployment runs it: every replica with its own key and no right it does not need. */
export async function startDeployment(eventBytes = 64 * 1024 * 1024) {
  const replicas: Record<string, BusRole> = {
    'cp-1': 'control-plane',
    'cp-2': 'control-plane',
    'gw-1': 'gateway',
    'gw-2': 'gateway',
    'as-1': 'authorization-server',
    'worker-1': 'token-refresh-worker',
  };
  const keys = new Map(Object.keys(replicas).map((name) => [name, createNkey()]));
  const users: BusUser[] = Object.entries(replicas).map(([name, role]) => ({
    name,
    role,
    publicNkey: keys.get(name)?.publicNkey ?? '',
  }));
  const nats = await startPrivateNats((place) => natsServerConfig({ ...place, users }));
  const problems: [string, MessagingProblem, unknown][] = [];
  const opened: Messaging[] = [];
  return {
    nats,
    problems,
    publicNkeyOf: (name: string): string => keys.get(name)?.publicNkey ?? '',
    /** @param address of a worker of this replica */
    async open(name: string, address = name): Promise<Messaging> {
      const role = replicas[name];
      const key = keys.get(name);
      if (!role || !key) throw new Error(`no replica ${name}`);
      const messaging = await createNatsMessaging({
        servers: [nats.url],
        name,
        role,
        address,
        nkeySeed: key.seed,
        streams: { eventBytes },
        onProblem: (problem, error) => problems.push([name, problem, error]),
      });
      opened.push(messaging);
      return messaging;
    },
    /** A NATS client with the key of `name` and none of our code around it. */
    openRaw(name: string): Promise<NatsConnection> {
      const seed = keys.get(name)?.seed.reveal() ?? '';
      return connect({
        servers: nats.url,
        inboxPrefix: inboxPrefixOf(name),
        authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
      });
    },
    async close(): Promise<void> {
      await Promise.all(opened.map((messaging) => messaging.close()));
      await nats.stop();
    },
  };
}
export type Deployment = Awaited<ReturnType<typeof startDeployment>>;
