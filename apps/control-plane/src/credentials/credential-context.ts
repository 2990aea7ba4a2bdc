import type { ConfigurationSnapshot } from '@sallyport/configuration';
import {
  ClientRegistrations,
  createClientLookup,
  observeRefreshes,
  PostgresConnectionStore,
} from '@sallyport/connection-store';
import { describeDropped } from '@sallyport/connection/refresh';
import type { Database } from '@sallyport/database';
import type { Clock } from '@sallyport/kernel';
import { subjects, type CredentialChanged } from '@sallyport/messages';
import type { Admission, Messaging } from '@sallyport/messaging';
import type { OAuthClient } from '@sallyport/oauth';
import { createSafeFetch, tellingProxy, type OutboundProxy } from '@sallyport/safe-fetch';
import { traceFetch } from '@sallyport/telemetry';
import type { Logger, Metrics, Tracer } from '@sallyport/telemetry';
import type { Vault } from '@sallyport/vault';
import type { CryptoKey } from 'jose';
import { ConnectionConsents } from './consents/connection-consents.js';
import type { RecordEvent } from '@sallyport/trail';

export interface CredentialPartsOptions {
  readonly publicUrl: string;
  readonly gatewayUrl: string;
  readonly issuer: string;
  readonly jwksUrl: string;
  /** Where this process reaches the token endpoint, unless that is `<issuer>/token`. */
  readonly tokenUrl?: string;
  readonly keys: {
    readonly leaseKeyFile: string;
    readonly leaseSigningKeyFile: string;
    /** The directory of `<replica>.pub.jwk`. */
    readonly enrolledGateways: string;
  };
  /** PEM contents. */
  readonly extraCertificateAuthorities?: readonly string[];
  /** Apart, so that administrators do not wait for what agents cause. */
  readonly databases: { readonly agents: Database; readonly administration: Database };
  readonly vault: Vault;
  /** Admits lease requests. */
  readonly admission: Admission;
  readonly messaging: Pick<Messaging, 'broadcast' | 'request'>;
  /** The configuration key: it signs what the control plane asks of the authorization server. */
  readonly signingKey: CryptoKey;
  readonly snapshot: () => ConfigurationSnapshot;
  readonly record: RecordEvent;
  readonly logger: Pick<Logger, 'warn'>;
  readonly metrics?: Metrics | undefined;
  readonly tracer?: Tracer | undefined;
  /** In force on every gateway when it resolves, or as soon as the bus is back. */
  readonly revokeLeases: (connectionIds: readonly string[]) => Promise<void>;
  /** The proxy between us and servers, and their authorization servers. */
  readonly proxy?: OutboundProxy | undefined;
  readonly clock: Clock;
  readonly random?: () => number;
}

/** What leasing, connecting and disconnecting all use. */
export type CredentialContext = ReturnType<typeof createCredentialContext>;

export function createCredentialContext(options: CredentialPartsOptions) {
  const { vault, messaging, snapshot, record, clock, random = Math.random } = options;
  const { agents: database } = options.databases;
  const { sealer } = vault;
  return {
    store: new PostgresConnectionStore(database, vault),
    vault: sealer,
    fetch: traceFetch(
      createSafeFetch({
        userAgent: USER_AGENT,
        extraCertificateAuthorities: options.extraCertificateAuthorities ?? [],
        proxy: tellingProxy(options.proxy, options.logger),
        allow: () => snapshot().get('OutboundNetwork', 'default')?.spec.allow ?? [],
      }),
      options.tracer,
    ),
    observe: observeRefreshes(options),
    clock,
    random,
    clientFor: createClientLookup({ database, vault: sealer, snapshot }),
    forgetRegistration: createForgetRegistration(options),
    consents: new ConnectionConsents(database),
    record,
    broadcastChanged: (changed: CredentialChanged) => messaging.broadcast.publish(subjects.credentialChanged, changed),
  };
}

const USER_AGENT = 'sallyport-control-plane';

/** Our own authorization server, as this process reaches it. No proxy stands between the two. */
export function ownAuthorizationServer({
  issuer,
  jwksUrl,
  tokenUrl = `${issuer}/token`,
  extraCertificateAuthorities = [],
}: Pick<CredentialPartsOptions, 'issuer' | 'jwksUrl' | 'tokenUrl' | 'extraCertificateAuthorities'>) {
  return {
    urls: { issuer, authorizeUrl: `${issuer}/authorize`, tokenUrl, jwksUrl },
    fetch: createSafeFetch({
      userAgent: USER_AGENT,
      extraCertificateAuthorities,
      allow: [issuer, jwksUrl, tokenUrl].map((url) => ({ host: new URL(url).hostname, http: url.startsWith('http:') })),
    }),
  };
}

/** Drops our registration at an authorization server that does not know it any more. */
function createForgetRegistration({ databases, vault, logger, record }: CredentialPartsOptions) {
  const registrations = new ClientRegistrations({ database: databases.agents, vault: vault.sealer });
  return async (client: OAuthClient): Promise<void> => {
    if (!(await registrations.drop(client))) return;
    logger.warn(
      { issuer: client.issuer, oauthClientId: client.clientId, reason: 'client_forgotten' },
      'client registration dropped',
    );
    await record(describeDropped(client, 'client_forgotten'));
  };
}
