import { ConfigurationReplica, type ConfigurationSnapshot } from '@sallyport/configuration';
import { configuredTarget, storeGrant } from '@sallyport/connection';
import { loadVerifyingKey } from '@sallyport/keys';
import { createNatsMessaging, readNkeySeed, type Messaging } from '@sallyport/messaging';
import { GATEWAY, type Fleet } from './fleet.js';
import type { SingleUseProvider } from './single-use-provider.js';

/** What a gateway has of a fleet: the bus, and the configuration in force. */
export interface GatewaySide {
  readonly messaging: Messaging;
  snapshot(): ConfigurationSnapshot;
  close(): Promise<void>;
}

export async function connectAsGateway(
  fleet: Pick<Fleet, 'natsUrl' | 'gatewaySeedFile' | 'keys'>,
): Promise<GatewaySide> {
  const messaging = await createNatsMessaging({
    servers: [fleet.natsUrl],
    name: GATEWAY,
    role: 'gateway',
    nkeySeed: await readNkeySeed(fleet.gatewaySeedFile),
  });
  const { publicKey: verifyKey } = await loadVerifyingKey(fleet.keys.configurationSigningPublic);
  const replica = new ConfigurationReplica({
    log: messaging.configuration,
    verifyKey,
    clock: Date.now,
    stalenessBoundMs: 300_000,
    onProblem: () => undefined,
  });
  const close = async (): Promise<void> => {
    await replica.stop();
    await messaging.close();
  };
  try {
    await replica.start();
    await replica.whenReady(20_000);
  } catch (error) {
    await close();
    throw error;
  }
  return { messaging, snapshot: () => replica.snapshot(), close };
}

/** Stores what the connect flow would have: a first grant of the provider for this user at this server. */
export async function storeFirstGrant(
  {
    userId,
    server,
    provider,
    expiresAt,
  }: {
    userId: string;
    server: string;
    provider: SingleUseProvider;
    expiresAt: number;
  },
  snapshot: ConfigurationSnapshot,
  context: Parameters<typeof storeGrant>[1],
): Promise<void> {
  const target = configuredTarget(snapshot, { server, credentialProvider: `${server}-per-user` });
  if (!target) throw new Error('the configuration names no target');
  const { origin, clientId } = provider;
  await storeGrant(
    {
      userId,
      target,
      resource: `${origin}/mcp`,
      tokenEndpoint: `${origin}/token`,
      revocationEndpoint: null,
      client: { issuer: origin, clientId, clientSecret: null, authentication: 'none' },
      requestedScopes: [],
      tokens: { ...provider.grant(userId), expiresAt, scopes: null },
    },
    context,
  );
}
