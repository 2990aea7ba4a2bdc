import type { Demo } from '@sallyport/demo';
import type { DownstreamObserver } from './downstream-observer.js';

export type Mode = 'standalone' | 'distributed';

/** A running Sallyport as its users meet it: processes of its own, reached by HTTP only. */
export interface System {
  readonly mode: Mode;
  readonly gatewayUrl: string;
  readonly issuer: string;
  readonly controlPlaneUrl: string;
  readonly adminToken: string;
  readonly demo: Demo;
  readonly downstream: DownstreamObserver;
  /** https URL of an agent's client ID metadata document, allowed by the administrator's list. */
  readonly clientMetadataUrl: string;
  /** Redirect URI of that document. */
  readonly redirectUri: string;
  /** What all processes have printed so far. */
  logs(): string;
  /** Key files and, in distributed mode, where the bus is: for tests that attack it. */
  readonly keys: string;
  readonly databaseUrl: string;
  readonly natsUrl: string | undefined;
  /** Folder of the bus users' seeds. */
  readonly nkeys: string | undefined;
  /** SIGKILL to every process of ours, then a start on the same data. */
  killAndRestart(): Promise<void>;
  stop(): Promise<void>;
}
