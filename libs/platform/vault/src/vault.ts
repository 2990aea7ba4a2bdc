import { randomBytes } from 'node:crypto';
import type { Database } from '@sallyport/database';
import { SallyportError, Secret, type Clock, SingleFlight } from '@sallyport/kernel';
import { loadMasterKeys, masterKeyId, Sealer, type MasterKey } from '@sallyport/keys';
import { KeyFileWrapper } from './key-file-wrapper.js';
import { keysInUse } from './key-usage.js';
import type { KeyWrapper } from './key-wrapper.js';
import { VaultKeyTable, type VaultKeyPurpose, type VaultKeyRow } from './vault-key-table.js';

export interface VaultSettings {
  /** A file with one key of 32 bytes (base64) a line; null where a KMS wraps and no file ever did. */
  readonly masterKeyFile: string | null;
  /** Keys in a KMS: the first wraps new keys, the others only unwrap. Without any, the first line of the file wraps. */
  readonly wrappers?: readonly KeyWrapper[];
}

export interface VaultParts {
  readonly database: Database;
  readonly clock: Clock;
  readonly onProblem: (what: string, error: unknown) => void;
}

/** The interval at which a process looks for keys that other processes made. */
export const VAULT_LOOK_MS = 3_000;

const contextOf = ({ id, purpose }: { id: string; purpose: string }) => ({
  product: 'sallyport',
  purpose: `vault-${purpose}`,
  key: id,
});

/**
 * The keys of a deployment, in two levels. A key file or a KMS wraps the vault keys, which the database keeps. A
 * process unwraps the vault keys once and holds them in memory; they wrap the data key of each record. Until the first
 * rotation the key file's own key is the vault key, too. Every process has read a new vault key before it begins to
 * seal.
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
  readonly #looking = new SingleFlight<'keys', void>();

  private constructor(fileKeys: readonly MasterKey[], wrappers: readonly KeyWrapper[], parts: VaultParts) {
    this.#fileKeys = fileKeys;
    this.#wrappers = wrappers;
    this.#parts = parts;
    this.table = new VaultKeyTable(parts.database);
    // A random key until `open` sets the real ones: a sealer without a key would need a check wherever it is used.
    this.sealer = new Sealer(fileKeys[0] ?? new Secret<Uint8Array>(randomBytes(32)));
  }

  /**
   * Unwraps the vault keys and makes sure that they open every stored record. Makes the first vault key where a KMS
   * wraps and none exists. Changes nothing else.
   * @throws SallyportError `vault_key_missing`, `vault_key_unusable`, or an error of the key file or the key service;
   * an error of the database
   */
  static async open({ masterKeyFile, wrappers = [] }: VaultSettings, parts: VaultParts): Promise<Vault> {
    const fileKeys = masterKeyFile === null ? [] : loadMasterKeys(masterKeyFile);
    const all = [...wrappers, ...fileKeys.map((key) => new KeyFileWrapper(key))];
    if (all.length === 0)
      throw new SallyportError(
        'vault_key_missing',
        'This process has no key for stored secrets: name a master key file (SALLYPORT_MASTER_KEY_FILE) ' +
          'or a KMS key (SALLYPORT_VAULT_KEYS).',
      );
    const vault = new Vault(fileKeys, all, parts);
    await vault.#read();
    await vault.#requireKeysInUse(); // before it makes a key: a refused start changes nothing
    if (wrappers.length > 0 && !vault.#rows.some(({ purpose }) => purpose === 'records'))
      await vault.#make('records', new Date(parts.clock()), new Date(0));
    vault.#apply();
    return vault;
  }

  /** The wrapper of new keys. */
  get wrapper(): KeyWrapper {
    const [first] = this.#wrappers;
    if (!first) throw new SallyportError('vault_key_missing', 'This process has no key to wrap vault keys with.');
    return first;
  }

  /** The rows as this process last read them, the oldest first. */
  get rows(): readonly VaultKeyRow[] {
    return this.#rows;
  }

  get fileKeyIds(): readonly string[] {
    return this.#fileKeys.map(masterKeyId);
  }

  /**
   * Reads the keys that other processes made, and begins to seal with a key whose time has come. Each process calls it
   * every `VAULT_LOOK_MS`.
   */
  look(): Promise<void> {
    return this.#looking.run('keys', async () => {
      await this.#read();
      this.#apply();
    });
  }

  /** Reads the keys again if this process does not hold the key of a sealed value, which may be new. */
  async learnKeyOf(sealed: Uint8Array): Promise<void> {
    if (!this.sealer.holdsKeyOf(sealed)) await this.look();
  }

  /**
   * Makes a vault key, with which sealing begins at `sealsFrom`.
   * @returns its id; undefined when a key exists that seals from `unlessFrom` on or later
   */
  async make(sealsFrom: Date, unlessFrom: Date): Promise<string | undefined> {
    const id = await this.#make('records', sealsFrom, unlessFrom);
    this.#apply();
    return id;
  }

  /** Wraps every vault key with the current wrapper, so that operators may retire the older file key or KMS key. */
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

  /** 32 bytes that every process has at every start. Values are derived from them that are stored nowhere. */
  async derivationSecret(): Promise<MasterKey> {
    const find = () => this.#rows.find(({ purpose }) => purpose === 'derivation');
    if (!find()) await this.#make('derivation', new Date(this.#parts.clock()), new Date(0));
    const row = find();
    const secret = row && this.#opened.get(row.id);
    if (!secret) throw this.#unusable(row?.id ?? 'none', row && this.#unopened.get(row.id));
    return secret;
  }

  async #make(purpose: VaultKeyPurpose, sealsFrom: Date, unlessFrom: Date): Promise<string | undefined> {
    const key = new Secret<Uint8Array>(randomBytes(32));
    const id = masterKeyId(key);
    const { wrapper } = this;
    const wrapped = await wrapper.wrap(key.reveal(), contextOf({ id, purpose }));
    // If the wrapper cannot unwrap the key again, everything the key seals is lost. So this is checked before it seals.
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
        `it was wrapped by ${row.wrappedBy}, this process has ${this.#wrappers.map(({ name }) => name).join(', ')}`,
      );
    const key = new Secret(await wrapper.unwrap(row.wrapped, contextOf(row)));
    if (masterKeyId(key) !== row.id)
      throw new SallyportError('vault_key_unusable', 'another key was wrapped in its place');
    return key;
  }

  /** Seals with the newest key that this process could unwrap and whose time has come. */
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

  /** Refuses to start with a wrong key. Later, this process would have sealed records with it. */
  async #requireKeysInUse(): Promise<void> {
    const here = new Set([...this.fileKeyIds, ...this.#opened.keys()]);
    for (const [id, tables] of await keysInUse(this.#parts.database)) {
      if (here.has(id)) continue;
      if (this.#unopened.has(id)) throw this.#unusable(id, this.#unopened.get(id));
      const held = here.size > 0 ? [...here].join(', ') : 'none';
      throw new SallyportError(
        'vault_key_missing',
        `Stored secrets (${tables.join(', ')}) were sealed with the vault key ${id}; this process has ${held}. ` +
          'Nothing was changed. Give this process the key file that has that key (a key file may hold several, ' +
          'one a line), or the database that belongs to its key file.',
      );
    }
  }

  #unusable(id: string, cause?: unknown): SallyportError {
    const why = cause instanceof SallyportError ? ` (${cause.message.replace(/\.$/, '')})` : '';
    return new SallyportError(
      'vault_key_unusable',
      `The vault key ${id} cannot be unwrapped${why}. Nothing was changed. ` +
        'Give this process the key file or the KMS key that wrapped it, and the right to use it.',
      { cause },
    );
  }
}
