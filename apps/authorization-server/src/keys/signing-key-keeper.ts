import type { ConfigurationReplica, ConfigurationSnapshot } from '@sallyport/configuration';
import type { RotatingEngine } from '../engine/rotating-engine.js';
import type { NoteEvent } from '@sallyport/trail';
import type { SigningKeyPurpose } from './make-signing-key.js';
import { rotationPolicyOf } from './rotation-policy.js';
import type { SigningKeys } from './signing-keys.js';

/**
 * Keeps the keys to what the configuration says, and this replica's engine to the keys: every few seconds, when what is
 * configured changes, when an administrator commands a rotation, and when one withdraws a key: then nothing is signed
 * until the engine has another.
 */
export class SigningKeyKeeper {
  readonly #keys: SigningKeys;
  readonly #engine: RotatingEngine;
  readonly #configuration: Pick<ConfigurationReplica, 'state' | 'snapshot'>;
  readonly #record: NoteEvent;
  #last: Promise<unknown> = Promise.resolve();
  #withdrawals = 0;
  #policy = '';

  constructor(parts: {
    keys: SigningKeys;
    engine: RotatingEngine;
    configuration: Pick<ConfigurationReplica, 'state' | 'snapshot'>;
    record: NoteEvent;
  }) {
    this.#keys = parts.keys;
    this.#engine = parts.engine;
    this.#configuration = parts.configuration;
    this.#record = parts.record;
  }

  keepUp(): Promise<void> {
    return this.#inTurn(async () => {
      const { ready, stale } = this.#configuration.state();
      if (ready && !stale) await this.#apply(this.#configuration.snapshot());
      this.#engine.use(await this.#keys.forAccessTokens());
    });
  }

  /**
   * Keys made before `olderThan` (milliseconds since the epoch) get a successor: published when this resolves, signing
   * after the configured notice. One that is on its way already is that successor.
   */
  rotate(purposes: readonly SigningKeyPurpose[], olderThan: number): Promise<void> {
    return this.#inTurn(() => this.#apply(this.#configuration.snapshot(), { purposes, olderThan }));
  }

  /**
   * To be called with each configuration.
   * @returns when this replica signs with nothing that is withdrawn; undefined when there is nothing to do
   */
  onConfiguration(snapshot: ConfigurationSnapshot): Promise<void> | undefined {
    const { revocations } = snapshot;
    const policy = JSON.stringify(rotationPolicyOf(snapshot));
    if (revocations.withdrawnKeys.size === this.#withdrawals && policy === this.#policy) return undefined;
    this.#withdrawals = revocations.withdrawnKeys.size;
    this.#policy = policy;
    const replaced = this.keepUp();
    if (this.#engine.signsWith((kid) => revocations.isKeyWithdrawn(kid))) this.#engine.waitFor(replaced);
    return replaced;
  }

  async #apply(
    snapshot: ConfigurationSnapshot,
    command?: { purposes: readonly SigningKeyPurpose[]; olderThan: number },
  ): Promise<void> {
    const made = await this.#keys.keepUp(
      { ...rotationPolicyOf(snapshot), renewOlderThan: command?.olderThan },
      (kid) => snapshot.revocations.isKeyWithdrawn(kid),
      command?.purposes,
    );
    for (const { kid, purpose, algorithm, signsFrom } of made)
      this.#record({
        type: 'signing_key.created',
        detail: { kid, purpose, algorithm, signsFrom: new Date(signsFrom).toISOString() },
      });
  }

  /** One after the other: an engine never goes back to keys that were read before those it has. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
