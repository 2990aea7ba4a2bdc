import { masterKeyId, Sealer, type MasterKey } from '@sallyport/keys';
import { contextBytes, keyWrapperError, type KeyContext, type KeyWrapper } from './key-wrapper.js';

const PURPOSE = 'vault-key';

/** Wraps vault keys with one key of the master key file. */
export class KeyFileWrapper implements KeyWrapper {
  readonly name: string;
  readonly #sealer: Sealer;

  constructor(master: MasterKey) {
    this.name = `file:${masterKeyId(master)}`;
    this.#sealer = new Sealer(master);
  }

  async wrap(key: Uint8Array, context: KeyContext): Promise<Uint8Array> {
    return this.#sealer.seal(PURPOSE, key, contextBytes(context).toString());
  }

  async unwrap(wrapped: Uint8Array, context: KeyContext): Promise<Uint8Array> {
    try {
      return this.#sealer.open(PURPOSE, wrapped, contextBytes(context).toString());
    } catch (cause) {
      throw keyWrapperError('wrapped_key_invalid', this.name, cause);
    }
  }
}
