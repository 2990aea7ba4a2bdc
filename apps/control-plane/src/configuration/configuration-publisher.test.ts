import { Document, signLogEntry, verifyLogEntry } from '@sallyport/configuration';
import type { LogEntry } from '@sallyport/configuration';
import { createLogger } from '@sallyport/telemetry';
import { generateKeyPair } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigurationPublisher } from './configuration-publisher.js';

const keys = await generateKeyPair('EdDSA');

/** PostgreSQL and the bus as the publisher sees them, each of which can be cut off. */
class World {
  rows: { revision: number; jws: string; published: boolean }[] = [];
  documents: Document[] = [];
  entries: LogEntry[] = [];
  databaseDown = false;
  busDown = false;
  connections = 1;
  now = 1_800_000_000_000;

  async commit(padding = ''): Promise<number> {
    const revision = this.rows.length + 1;
    const puts = [Document.parse({ kind: 'McpServer', name: `s${revision}`, spec: { url: `https://s.example/${padding.slice(0, 2_000)}`, title: 'x' } })];
    this.documents.push(...puts);
    const jws = await signLogEntry({ v: 1, type: 'change', epoch: 'e1', revision, puts, deletes: [], revocations: [] }, keys.privateKey);
    this.rows.push({ revision, jws: jws + padding, published: false });
    return revision;
  }

  revisions = {
    newest: async () => {
      if (this.databaseDown) throw new Error('no database');
      return this.rows.length === 0 ? undefined : { epoch: 'e1', revision: this.rows.length };
    },
    unpublished: async (limit: number) => this.rows.filter(({ published }) => !published).slice(0, limit),
    markPublished: async (revision: number) => {
      for (const row of this.rows) if (row.revision === revision) row.published = true;
    },
  };
  store = { complete: async () => ({ epoch: 'e1', revision: this.rows.length, documents: this.documents, revocations: [] }) };
  log = {
    appendChange: (_: number, jws: string) => this.#take(jws),
    appendBase: async (_: number, chunks: readonly string[]) => {
      for (const chunk of chunks) await this.#take(chunk);
    },
    heartbeat: (jws: string) => this.#take(jws),
    follow: () => Promise.reject(new Error('nobody follows here')),
  };

  async #take(jws: string): Promise<void> {
    if (this.busDown) throw new Error('no bus');
    const verdict = await verifyLogEntry(jws, keys.publicKey);
    if (!verdict.trusted) throw new Error('not signed by us');
    this.entries.push(verdict.entry);
  }

  /** What came since the last look, as `change 3`. */
  said(): string[] {
    return this.entries.splice(0).map(({ type, revision }) => `${type} ${revision}`);
  }
}

describe('the publisher', () => {
  let world: World;
  let publisher: ConfigurationPublisher;
  beforeEach(async () => {
    world = new World();
    publisher = new ConfigurationPublisher({
      log: world.log, connections: () => world.connections, revisions: world.revisions, documents: world.store, signingKey: keys.privateKey, clock: () => world.now,
      logger: createLogger({ name: 'test', level: 'silent' }), intervalMs: 3_600_000,
    });
    await world.commit();
    await publisher.start();
    world.said();
  });
  afterEach(() => publisher.stop());

  it('brings what is committed in order, then vouches for the newest (S27)', async () => {
    await world.commit();
    await world.commit();
    await publisher.flush();
    expect(world.said()).toEqual(['change 2', 'change 3', 'heartbeat 3']);
    await publisher.flush();
    expect(world.said()).toEqual(['heartbeat 3']);
  });

  it('starts with what is left over and a base', async () => {
    const next = new ConfigurationPublisher({ log: world.log, connections: () => 1, revisions: world.revisions, documents: world.store, signingKey: keys.privateKey, clock: () => world.now, logger: createLogger({ name: 'test', level: 'silent' }) });
    await world.commit();
    await next.start();
    await next.stop();
    expect(world.said()).toEqual(['change 2', 'base 2', 'heartbeat 2']);
  });

  it('appends a base when the bus was connected anew, and now and then', async () => {
    world.connections++;
    await publisher.flush();
    expect(world.said()).toEqual(['base 1', 'heartbeat 1']);
    world.now += 300_000;
    await publisher.flush();
    expect(world.said()).toEqual(['base 1', 'heartbeat 1']);
    for (let i = 0; i < 200; i++) await world.commit();
    await publisher.flush();
    expect(world.said().filter((entry) => !entry.startsWith('change'))).toEqual(['base 201', 'heartbeat 201']);
  });

  it('vouches for nothing while the database is away (S28)', async () => {
    world.databaseDown = true;
    await expect(publisher.flush()).rejects.toThrow('no database');
    expect(world.said()).toEqual([]);
    expect(publisher.failing).toBe(true);
    world.databaseDown = false;
    await publisher.flush();
    expect(world.said()).toEqual(['heartbeat 1']);
    expect(publisher.failing).toBe(false);
  });

  it('keeps what the bus did not take, and its order', async () => {
    await world.commit();
    world.busDown = true;
    await expect(publisher.flush()).rejects.toThrow('no bus');
    await world.commit();
    world.busDown = false;
    await publisher.flush();
    expect(world.said()).toEqual(['change 2', 'change 3', 'heartbeat 3']);
  });

  it('sends a change that is too large for one message as a base of its revision', async () => {
    await world.commit('x'.repeat(900_001));
    await publisher.flush();
    expect(world.said()).toEqual(['base 2', 'heartbeat 2']);
  });

  it('serves whoever asks during a round with the next one', async () => {
    const first = publisher.flush();
    await world.commit();
    await Promise.all([first, publisher.flush(), publisher.flush()]);
    expect(world.said()).toContain('change 2');
    expect(world.rows.every(({ published }) => published)).toBe(true);
  });
});
