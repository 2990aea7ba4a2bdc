import { join } from 'node:path';
import { Secret, systemClock, type Clock } from '@sallyport/kernel';
import { startIdentityProvider } from './identity-provider/start-identity-provider.js';
import { demoUsers, type DemoUser } from './identity-provider/users.js';
import { notesAccounts, type NotesAccount } from './notes/accounts.js';
import { startNotes } from './notes/start-notes.js';
import { startWhoami } from './whoami/start-whoami.js';

export interface DemoConfig {
  /** A loopback address. Default `127.0.0.1`. */
  host?: string;
  /** 0 picks a free one. */
  ports: { identityProvider: number; notes: number; whoami: number };
  /** What must survive a restart is kept in `<dataDir>/demo`. */
  dataDir: string;
  /**
   * Sallyport's authorization server. Its federation callback is the one redirect URI at the identity provider, and
   * `whoami` trusts its keys.
   */
  issuer: string;
  /** What our authorization server shows the identity provider. */
  clientSecret: Secret;
  /** Lifetime of the notes server's access tokens, in seconds. Default 120. */
  notesAccessTokenSeconds?: number;
  clock?: Clock;
}

export interface Demo {
  readonly urls: {
    /** The identity provider's issuer. */
    readonly identityProvider: string;
    /** MCP endpoint of the notes server; also its resource. */
    readonly notes: string;
    /** Issuer of the notes server's own authorization server. */
    readonly notesIssuer: string;
    /** MCP endpoint of the whoami server; also its resource. */
    readonly whoami: string;
  };
  /** The users of the identity provider. */
  readonly users: readonly DemoUser[];
  /** The accounts of the notes service. */
  readonly notesAccounts: readonly NotesAccount[];
  close(): Promise<void>;
}

export const DEMO_CLIENT_ID = 'sallyport';

/**
 * Starts the identity provider and the two MCP servers, or none of them.
 * @throws SallyportError `demo_not_loopback`, `port_taken` or `demo_data_unreadable`
 */
export async function startDemo(config: DemoConfig): Promise<Demo> {
  const { host = '127.0.0.1', ports, issuer, clock = systemClock } = config;
  const started: { close(): Promise<void> }[] = [];
  const close = async () => {
    await Promise.all(started.splice(0).map((part) => part.close()));
  };
  const keep = <T extends { close(): Promise<void> }>(part: T): T => {
    started.push(part);
    return part;
  };
  try {
    const identityProvider = keep(
      await startIdentityProvider({
        host,
        port: ports.identityProvider,
        client: {
          clientId: DEMO_CLIENT_ID,
          clientSecret: config.clientSecret,
          redirectUris: [`${issuer}/federation/demo/callback`],
        },
        clock,
      }),
    );
    const notes = keep(
      await startNotes({
        host,
        port: ports.notes,
        dataDir: join(config.dataDir, 'demo'),
        accessTokenSeconds: config.notesAccessTokenSeconds ?? 120,
        clock,
      }),
    );
    const whoami = keep(await startWhoami({ host, port: ports.whoami, issuer, jwksUrl: `${issuer}/jwks`, clock }));
    return {
      urls: {
        identityProvider: identityProvider.issuer,
        notes: notes.url,
        notesIssuer: notes.issuer,
        whoami: whoami.url,
      },
      users: demoUsers,
      notesAccounts,
      close,
    };
  } catch (cause) {
    await close();
    throw cause;
  }
}
