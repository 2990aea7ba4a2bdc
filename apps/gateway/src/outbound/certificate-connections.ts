import type { Clock } from '@sallyport/kernel';
import type { ClientCertificate, RelayOptions } from '@sallyport/mcp-relay';

type Dispatcher = RelayOptions['dispatcher'];

const IDLE_MS = 5 * 60_000;

/**
 * Connections by client certificate, and in each dispatcher by origin: one that was opened with a certificate, and its
 * TLS sessions, serve requests with that certificate only. A certificate that was replaced ends with what runs on it.
 */
export class CertificateConnections {
  readonly #open: (certificate: ClientCertificate) => Dispatcher;
  readonly #clock: Clock;
  readonly #dispatchers = new Map<string, { readonly dispatcher: Dispatcher; lastUsedAt: number }>();

  constructor({ open, clock }: { open: (certificate: ClientCertificate) => Dispatcher; clock: Clock }) {
    this.#open = open;
    this.#clock = clock;
  }

  of(certificate: ClientCertificate): Dispatcher {
    let known = this.#dispatchers.get(certificate.fingerprint);
    if (known === undefined) {
      known = { dispatcher: this.#open(certificate), lastUsedAt: 0 };
      this.#dispatchers.set(certificate.fingerprint, known);
    }
    known.lastUsedAt = this.#clock();
    return known.dispatcher;
  }

  /**
   * Those nobody used for a while: keys are not kept longer than they are needed. What still runs on them ends first.
   */
  sweep(): void {
    const before = this.#clock() - IDLE_MS;
    for (const [fingerprint, { dispatcher, lastUsedAt }] of this.#dispatchers) {
      if (lastUsedAt > before) continue;
      this.#dispatchers.delete(fingerprint);
      void dispatcher.close();
    }
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#dispatchers.values()].map(({ dispatcher }) => dispatcher.destroy()));
    this.#dispatchers.clear();
  }
}
