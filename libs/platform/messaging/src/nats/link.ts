import { connect, errors, PermissionViolationError } from '@nats-io/transport-node';
import type { NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
import { MessagingError } from '../errors.js';

export type NatsOptions = NodeConnectionOptions & { servers: string[]; inboxPrefix: string; name: string };

export interface LinkEvents {
  readonly disconnected?: () => void;
  readonly reconnected?: () => void;
  /** The server does not let this replica publish or subscribe as it tried to. */
  readonly refused: (error: Error) => void;
}

const ATTEMPT_MS = 3_000;
const PAUSE_MS = 250;

/** One connection to the bus, which makes itself anew after each outage, and says whether it is up. */
export class NatsLink {
  #isUp = true;

  private constructor(readonly connection: NatsConnection) {}

  /**
   * Tries until the bus is there, since services start in any order; a refused key is final.
   * @throws MessagingError `messaging_unreachable` after `timeoutMs`, `messaging_refused` (wrong key)
   */
  static async open(options: NatsOptions, timeoutMs: number, events: LinkEvents): Promise<NatsLink> {
    const deadline = Date.now() + timeoutMs;
    const servers = options.servers.join(', ');
    for (;;) {
      try {
        const link = new NatsLink(await connect({ ...options, timeout: ATTEMPT_MS }));
        void link.#watch(events);
        return link;
      } catch (cause) {
        if (cause instanceof errors.AuthorizationError || cause instanceof errors.UserAuthenticationExpiredError)
          throw new MessagingError(
            'messaging_refused',
            `The bus at ${servers} does not accept the key of ${options.name}.`,
            { cause },
          );
        if (Date.now() >= deadline)
          throw new MessagingError('messaging_unreachable', `The bus at ${servers} cannot be reached.`, { cause });
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  get isUp(): boolean {
    return this.#isUp && !this.connection.isClosed();
  }

  async close(): Promise<void> {
    if (!this.connection.isClosed()) await this.connection.close();
  }

  async #watch({ disconnected, reconnected, refused }: LinkEvents): Promise<void> {
    for await (const status of this.connection.status()) {
      if (status.type === 'disconnect') {
        this.#isUp = false;
        disconnected?.();
      } else if (status.type === 'reconnect') {
        this.#isUp = true;
        reconnected?.();
      } else if (status.type === 'error' && status.error instanceof PermissionViolationError) refused(status.error);
    }
  }
}
