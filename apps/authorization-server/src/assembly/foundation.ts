import type { ConfigurationReplica } from '@sallyport/configuration';
import type { Database } from '@sallyport/database';
import type { Unavailable } from '@sallyport/http';
import type { Clock } from '@sallyport/kernel';
import type { Admission } from '@sallyport/messaging';
import type { Logger, Tracer } from '@sallyport/telemetry';
import type { Vault } from '@sallyport/vault';
import type { JWK } from 'jose';
import type { AuthorizationServerConfig } from '../config.js';
import type { Resources } from '../engine/resources.js';
import type { BusTrail } from '@sallyport/trail';

/** What the process opens. Everything else is made of it. */
export interface Foundation {
  readonly config: AuthorizationServerConfig;
  readonly vault: Vault;
  /** The pinned public key of the control plane, which signs the configuration and its commands. */
  readonly configurationKey: JWK;
  readonly database: Database;
  readonly configuration: ConfigurationReplica;
  readonly recorder: BusTrail;
  readonly logger: Logger;
  readonly tracer?: Tracer | undefined;
  readonly clock: Clock;
  readonly exchangeAdmission: Admission;
  /** Tells an outage of what the server stands on from other errors. */
  readonly unavailable: Pick<Unavailable, 'is' | 'answer'>;
}

/** The resource identifiers (RFC 8707): each access token is for one of them. */
export const resourcesOf = ({ gatewayUrl, controlPlaneUrl }: AuthorizationServerConfig): Resources => ({
  gateway: `${gatewayUrl}/mcp`,
  api: `${controlPlaneUrl}/v1`,
});
