import type { ConfigurationSnapshot } from '@sallyport/configuration';
import type { ProviderHealthStore } from '@sallyport/connection/refresh';
import type { Database } from '@sallyport/database';
import type { Secret } from '@sallyport/kernel';
import type { EnrolledKeys } from '@sallyport/keys';
import type { SafeFetch } from '@sallyport/safe-fetch';
import type { Logger } from '@sallyport/telemetry';
import type { ConfigurationPublisher } from '../configuration/configuration-publisher.js';
import type { ControlPlaneConfig } from '../config.js';
import type { ConnectHealthStore } from '../credentials/connect/connect-health-store.js';
import type { StatusContext } from '../status/read-status.js';

/** What the checks of a deployment look at. */
export interface VerifyContext extends StatusContext {
  readonly config: ControlPlaneConfig;
  readonly documents: () => Pick<ConfigurationSnapshot, 'all' | 'get'>;
  readonly publisher: Pick<ConfigurationPublisher, 'failing'>;
  readonly enrolled: Pick<EnrolledKeys, 'names'>;
  readonly database: StatusContext['database'] & Pick<Database, 'connection'>;
  readonly providerHealth: Pick<ProviderHealthStore, 'list'>;
  readonly connectHealth: Pick<ConnectHealthStore, 'list'>;
  /** `<Kind>/<name>/<field>`. */
  readonly findSecret: (name: string) => Promise<Secret | undefined>;
  /** Behind the outbound guard. */
  readonly outbound: SafeFetch;
  /** To our own public addresses, which need no leave of the guard. No proxy stands between. */
  readonly own: SafeFetch;
  readonly logger: Logger;
}

/** What a look at how the deployment is set up needs. */
export interface HardeningContext extends Pick<VerifyContext, 'clock' | 'documents'> {
  readonly messaging: Pick<StatusContext['messaging'], 'kind' | 'refuses'>;
  readonly config: Pick<
    ControlPlaneConfig,
    'gatewayUrl' | 'issuer' | 'publicUrl' | 'databaseUrl' | 'stalenessBoundMs' | 'keys' | 'deployment'
  >;
}
