import pg from 'pg';

/** Milliseconds before a refused connection is reported. */
const PAUSE_MS = 1_000;

type OnConnect = ((error: Error) => void) | ((error: null, client: pg.Client) => void);

/**
 * The client of BullMQ's pool. A connection that breaks while BullMQ holds it fails the query, instead of ending the
 * process with an unhandled event. A refused connection ("the database system is starting up") is reported after a
 * pause, because BullMQ tries most failures again at once.
 */
export class PatientClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: OnConnect): void;
  override connect(callback?: OnConnect): Promise<pg.Client> | void {
    const connecting = this.#connect();
    if (callback === undefined) return connecting;
    const tell = callback as (error: Error | null, client?: pg.Client) => void; // the pool takes either
    connecting.then((client) => tell(null, client), tell);
  }

  async #connect(): Promise<pg.Client> {
    try {
      return await super.connect();
    } catch (error) {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS).unref());
      throw error;
    }
  }
}
