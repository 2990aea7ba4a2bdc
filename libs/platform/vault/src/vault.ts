import { randomBytes } from 'node:crypto';
import type { Database } from '@sallyport/database';
import { SallyportError, Secret, type Clock } from '@sallyport/kernel';
import { loadMasterKeys, masterKeyId, Sealer, type MasterKey } from '@sallyport/keys';
import { KeyFileWrapper } from './key-file-wrapper.js';
import { keysInUse } from './key-usage.js';
import type { KeyWrapper } from './key-wrapper.js';
import { VaultKeyTable, type VaultKeyPurpose, type VaultKeyRow } from './vault-key-table.js';

export interface VaultSettings {
  /** Keys of 32 bytes, a line each; `null` where a KMS has that part and no file ever had. */
  readonly masterKeyFile: string | null;
  /** Keys in a KMS: the first wraps what is new, the others unwrap. With none, the first line of the file does. */
  readonly wrappers?: readonly KeyWrapper[];
}

export interface VaultParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly onProblem: (what: string, error: unknown) => void;
}

/** How often other processes' new keys are looked for. */
export const LOOK_MS = 3_000;

const contextOf = ({ id, purpose }: { id: string; purpose: string }) => ({
  product: 'sallyport',
  purpose: `vault-${purpose}`,
  key: id,
});

/**
 * The keys of a deployment, in two levels: a key file or a KMS wraps keys that are kept in the database, and these,
 * unwrapped once and held in memory, wrap the data key of each record. Until the first rotation a key file's own key
 * does the second part too. A new key is seen by every process before it seals anything.
 */
export class Vault {
  readonly sealer: Sealer;
  readonly table: VaultKeyTable;
  readonly #fileKeys: readonly MasterKey[];
  readonly #wrappers: readonly KeyWrapper[];
  readonly #parts: VaultParts;
  readonly #opened = new Map<string, MasterKey>();
  readonly #unopened = new Map<string, unknown>();
  #rows: readonly VaultKeyRow[] = [];
  #looking: Promise<void> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  private constructor(fileKeys: readonly MasterKey[], wrappers: readonly KeyWrapper[], parts: VaultParts) {
    this.#fileKeys = fileKeys;
    this.#wrappers = wrappers;
    this.#parts = parts;
    this.table = new VaultKeyTable(parts.database);
    // Replaced before anybody sees it: a sealer without a key would be a thing to check for everywhere.
    this.sealer = new Sealer(fileKeys[0] ?? new Secret<Uint8Array>(randomBytes(32)));
  }

  /**
   * Opens what there is, makes a first key where a KMS wraps them and there is none, and sees to it that everything
   * stored can be opened. Touches nothing else.
   * @throws SallyportError `vault_key_missing`, `vault_key_unusable`, what a key file or the key service says, or what the database does
   */
  static async open({ masterKeyFile, wrappers = [] }: VaultSettings, parts: VaultParts): Promise<Vault> {
    const fileKeys = masterKeyFile === null ? [] : loadMasterKeys(masterKeyFile);
    const all = [...wrappers, ...fileKeys.map((key) => new KeyFileWrapper(key))];
    if (all.length === 0)
      throw new SallyportError(
        'vault_key_missing',
        'There is no key for what is stored: name a master key file (SALLYPORT_MASTER_KEY_FILE) or a KMS key (SALLYPORT_VAULT_KEYS).',
      );
    const vault = new Vault(fileKeys, all, parts);
    await vault.#read();
    await vault.#requireKeysInUse(); // before a key is made: who is refused has changed nothing
    if (wrappers.length > 0 && !vault.#rows.some(({ purpose }) => purpose === 'records'))
      await vault.#make('records', new Date(parts.clock()), new Date(0));
    vault.#apply();
    vault.#timer = setInterval(
      () =>
        void vault.look().catch((error: unknown) => parts.onProblem('new vault keys could not be looked for', error)),
      LOOK_MS,
    ).unref();
    return vault;
  }

  /** The key new keys are wrapped with. */
  get wrapper(): KeyWrapper {
    const [first] = this.#wrappers;
    if (!first) throw new SallyportError('vault_key_missing', 'There is no key to wrap with.');
    return first;
  }

  /** As last read, the oldest first. */
  get rows(): readonly VaultKeyRow[] {
    return this.#rows;
  }

  get fileKeyIds(): readonly string[] {
    return this.#fileKeys.map(masterKeyId);
  }

  /** Other processes' keys, and the one whose time has come. One look at a time serves all who ask. */
  look(): Promise<void> {
    return (this.#looking ??= this.#read()
      .then(() => this.#apply())
      .finally(() => (this.#looking = undefined)));
  }

  /** Whoever read a record that a key of a moment ago sealed has it known before opening it; no I/O otherwise. */
  async learnKeyOf(sealed: Uint8Array): Promise<void> {
    if (!this.sealer.holdsKeyOf(sealed)) await this.look();
  }

  /** Wraps a new key; sealing with it begins at `sealsFrom`. @returns its id; none was made when one seals from `unlessFrom` on */
  async make(sealsFrom: Date, unlessFrom: Date): Promise<string | undefined> {
    const id = await this.#make('records', sealsFrom, unlessFrom);
    this.#apply();
    return id;
  }

  /** Wraps anew what a key other than the current one wrapped, so that a retired file key or KMS key is needed no more. */
  async rewrap(): Promise<void> {
    const { wrapper } = this;
    for (const row of this.#rows) {
      const key = this.#opened.get(row.id);
      if (row.wrappedBy === wrapper.name || !key) continue;
      const wrapped = await wrapper.wrap(key.reveal(), contextOf(row));
      await this.table.rewrap(row.id, { from: row.wrappedBy, to: { wrapped, wrappedBy: wrapper.name } });
    }
    await this.#read();
  }

  /** 32 bytes that all processes and every start share, for what is derived and stored nowhere. */
  async derivationSecret(): Promise<MasterKey> {
    const find = () => this.#rows.find(({ purpose }) => purpose === 'derivation');
    if (!find()) await this.#make('derivation', new Date(this.#parts.clock()), new Date(0));
    const row = find();
    const secret = row && this.#opened.get(row.id);
    if (!secret) throw this.#unusable(row?.id ?? 'none', row && this.#unopened.get(row.id));
    return secret;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #make(purpose: VaultKeyPurpose, sealsFrom: Date, unlessFrom: Date): Promise<string | undefined> {
    const key = new Secret<Uint8Array>(randomBytes(32));
    const id = masterKeyId(key);
    const { wrapper } = this;
    const wrapped = await wrapper.wrap(key.reveal(), contextOf({ id, purpose }));
    // A key that does not come back would make everything it sealed unreadable: better known now.
    if (masterKeyId(new Secret(await wrapper.unwrap(wrapped, contextOf({ id, purpose })))) !== id)
      throw this.#unusable(id);
    const isMade = await this.table.add({ id, purpose, wrapped, wrappedBy: wrapper.name, sealsFrom }, unlessFrom);
    await this.#read();
    return isMade ? id : undefined;
  }

  async #read(): Promise<void> {
    this.#rows = await this.table.list();
    const ids = new Set(this.#rows.map(({ id }) => id));
    for (const id of this.#opened.keys()) if (!ids.has(id)) this.#opened.delete(id);
    for (const row of this.#rows) {
      if (this.#opened.has(row.id)) continue;
      try {
        this.#opened.set(row.id, await this.#unwrap(row));
        this.#unopened.delete(row.id);
      } catch (error) {
        if (!this.#unopened.has(row.id)) this.#parts.onProblem(`the vault key ${row.id} could not be unwrapped`, error);
        this.#unopened.set(row.id, error);
      }
    }
  }

  async #unwrap(row: VaultKeyRow): Promise<MasterKey> {
    const wrapper = this.#wrappers.find(({ name }) => name === row.wrappedBy);
    if (!wrapper)
      throw new SallyportError(
        'vault_key_unusable',
        `it was wrapped by ${row.wrappedBy}, and this process has ${this.#wrappers.map(({ name }) => name).join(', ')}`,
      );
    const key = new Secret(await wrapper.unwrap(row.wrapped, contextOf(row)));
    if (masterKeyId(key) !== row.id)
      throw new SallyportError('vault_key_unusable', 'another key was wrapped in its place');
    return key;
  }

  /** What cannot be opened does not seal: the one before it goes on, if there is one. */
  #apply(): void {
    const now = this.#parts.clock();
    const begun = this.#rows.filter(({ purpose, sealsFrom }) => purpose === 'records' && sealsFrom.getTime() <= now);
    const row = begun.findLast(({ id }) => this.#opened.has(id));
    const current = row ? this.#opened.get(row.id) : begun.length > 0 ? undefined : this.#fileKeys[0];
    const last = begun.at(-1);
    if (!current) throw this.#unusable(last?.id ?? 'none', last && this.#unopened.get(last.id));
    const records = this.#rows
      .filter(({ purpose }) => purpose === 'records')
      .flatMap(({ id }) => this.#opened.get(id) ?? []);
    this.sealer.use(current, [...this.#fileKeys, ...records]);
  }

  /** The first and only moment at which a wrong key is harmless: nothing has been sealed with it yet. */
  async #requireKeysInUse(): Promise<void> {
    const here = new Set([...this.fileKeyIds, ...this.#opened.keys()]);
    for (const [id, tables] of await keysInUse(this.#parts.database)) {
      if (here.has(id)) continue;
      if (this.#unopened.has(id)) throw this.#unusable(id, this.#unopened.get(id));
      const held = here.size > 0 ? [...here].join(', ') : 'none';
      throw new SallyportError(
        'vault_key_missing',
        `Stored secrets (${tables.join(', ')}) were sealed with the vault key ${id}, which is not here; this process has ${held}. Nothing was changed. Give it the master key file, or the database, that belongs to the other: a key file may hold several keys, a line each.`,
      );
    }
  }

  #unusable(id: string, cause?: unknown): SallyportError {
    const why = cause instanceof SallyportError ? ` (${cause.message.replace(/\.$/, '')})` : '';
    return new SallyportError(
      'vault_key_unusable',
      `The vault key ${id} cannot be unwrapped${why}. Nothing was changed. Give this process the key file or the KMS key it was wrapped by, or the right to use it.`,
      { cause },
    );
  }
}
