import pg from 'pg';

/** Milliseconds a refused connection takes to say so. */
const PAUSE_MS = 1_000;

type OnConnect = ((error: Error) => void) | ((error: null, client: pg.Client) => void);

/**
 * What BullMQ's pool connects with. A connection that breaks while BullMQ holds it is that query's failure, not an
 * unhandled event that ends the process; and BullMQ asks again at once after most failures, so that a refusal to
 * connect ("the database system is starting up") is told after a pause.
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
