import pg from 'pg';

/**
 * A client whose connection may break while nobody listens to it, such as when the pool hands it out. Its next query
 * then fails. Without this listener, the error event would end the process.
 */
export class HeldClient extends pg.Client {
  constructor(config?: string | pg.ClientConfig) {
    super(config);
    this.on('error', () => undefined);
  }
}
