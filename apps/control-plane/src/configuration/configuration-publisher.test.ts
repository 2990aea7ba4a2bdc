import { Document } from '@sallyport/configuration';
import { signLogEntry, verifyLogEntry } from '@sallyport/configuration/log';
import type { LogEntry } from '@sallyport/configuration/log';
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
  epoch = 'e1';
  stored: { base?: string; change?: string } = {};

  async commit(padding = ''): Promise<number> {
    const revision = this.#last() + 1;
    const puts = [
      Document.parse({
        kind: 'McpServer',
        name: `s${revision}`,
        spec: { url: `https://s.example/${padding.slice(0, 2_000)}`, title: 'x' },
      }),
    ];
    this.documents.push(...puts);
    const jws = await signLogEntry(
      { v: 1, type: 'change', epoch: this.epoch, revision, puts, deletes: [], revocations: [] },
      keys.privateKey,
    );
    this.rows.push({ revision, jws: jws + padding, published: false });
    return revision;
  }

  revisions = {
    newest: async () => {
      if (this.databaseDown) throw new Error('no database');
      return this.rows.length === 0
        ? undefined
        : {
            epoch: this.epoch,
            revision: this.#last(),
            epochIsPublished: this.rows.some(({ published, jws }) => published && epochOf(jws) === this.epoch),
          };
    },
    beginEpoch: async (seen: { revision: number }, stored: readonly { revision: number }[]) => {
      if (seen.revision !== this.#last()) return undefined;
      this.epoch = `${this.epoch}'`;
      const revision = Math.max(seen.revision, ...stored.map((entry) => entry.revision)) + 1;
      this.rows.push({
        revision,
        published: false,
        jws: await signLogEntry(
          { v: 1, type: 'change', epoch: this.epoch, revision, puts: [], deletes: [], revocations: [] },
          keys.privateKey,
        ),
      });
      return { epoch: this.epoch, revision };
    },
    unpublished: async (limit: number) => this.rows.filter(({ published }) => !published).slice(0, limit),
    markPublished: async (revision: number) => {
      for (const row of this.rows) if (row.revision === revision) row.published = true;
    },
  };
  store = {
    complete: async () => ({ epoch: this.epoch, revision: this.#last(), documents: this.documents, revocations: [] }),
  };
  log = {
    appendChange: async (_: number, jws: string) => {
      await this.#take(jws);
      this.stored.change = jws;
    },
    appendBase: async (_: number, chunks: readonly string[]) => {
      for (const chunk of chunks) await this.#take((this.stored.base = chunk));
    },
    newest: async () => [this.stored.change, this.stored.base].filter((jws) => jws !== undefined),
    heartbeat: (jws: string) => this.#take(jws),
    follow: () => Promise.reject(new Error('nobody follows here')),
  };

  #last(): number {
    return this.rows.at(-1)?.revision ?? 0;
  }

  /** The database as it was when it had this many revisions. */
  restore(count: number, epoch = this.epoch): void {
    this.rows.length = count;
    this.documents.length = count;
    this.epoch = epoch;
  }

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

const epochOf = (jws: string) =>
  (JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString()) as { epoch: string }).epoch;

describe('the publisher', () => {
  let world: World;
  let publisher: ConfigurationPublisher;
  beforeEach(async () => {
    world = new World();
    publisher = new ConfigurationPublisher({
      log: world.log,
      connections: () => world.connections,
      revisions: world.revisions,
      documents: world.store,
      signingKey: keys.privateKey,
      verifyKey: keys.publicKey,
      clock: () => world.now,
      logger: createLogger({ name: 'test', level: 'silent' }),
      intervalMs: 3_600_000,
    });
    await world.commit();
    await publisher.start();
    world.said();
  });
  afterEach(() => publisher.stop());

  describe('over a database restored from a backup', () => {
    const another = () =>
      new ConfigurationPublisher({
        log: world.log,
        connections: () => 1,
        revisions: world.revisions,
        documents: world.store,
        signingKey: keys.privateKey,
        verifyKey: keys.publicKey,
        clock: () => world.now,
        logger: createLogger({ name: 'test', level: 'silent' }),
        intervalMs: 3_600_000,
      });
    beforeEach(async () => {
      for (let i = 0; i < 4; i++) await world.commit();
      await publisher.flush();
      world.said();
    });

    it('begins a new epoch above every number the log has seen (S27) (S28)', async () => {
      world.restore(3);
      await publisher.flush();
      expect(world.entries.map(({ type, epoch, revision }) => `${type} ${epoch} ${revision}`)).toEqual([
        "change e1' 6",
        "base e1' 6",
        "heartbeat e1' 6",
      ]);
      await publisher.flush();
      expect(world.said().at(-1)).toBe('heartbeat 6');
      expect(world.epoch).toBe("e1'");
    });

    it('does so also when it was written to before anybody noticed, and when this is another process (S28)', async () => {
      world.restore(3);
      await world.commit();
      const next = another();
      await next.start();
      await next.stop();
      expect(world.said()).toEqual(['change 4', 'base 6', 'change 6', 'heartbeat 6']);
      expect(world.epoch).toBe("e1'");
    });

    it('does so also when the backup is older than the present epoch (S28)', async () => {
      world.restore(3);
      await publisher.flush();
      world.restore(2, 'e1');
      await world.commit();
      await publisher.flush();
      expect(world.entries.at(-1)).toMatchObject({ type: 'heartbeat', epoch: "e1'", revision: 7 });
    });

    it('keeps the epoch when the log is behind, or empty, or as it should be (S28)', async () => {
      await publisher.flush();
      world.stored = {};
      world.connections++;
      await publisher.flush();
      await world.commit();
      const next = another();
      await next.start();
      await next.stop();
      expect(world.epoch).toBe('e1');
    });

    it('believes no entry that it did not sign', async () => {
      const forged = await generateKeyPair('EdDSA');
      world.stored.change = await signLogEntry(
        { v: 1, type: 'change', epoch: 'e1', revision: 99, puts: [], deletes: [], revocations: [] },
        forged.privateKey,
      );
      world.connections++;
      await publisher.flush();
      expect(world.epoch).toBe('e1');
    });
  });

  it('brings what is committed in order, then vouches for the newest (S27)', async () => {
    await world.commit();
    await world.commit();
    await publisher.flush();
    expect(world.said()).toEqual(['change 2', 'change 3', 'heartbeat 3']);
    await publisher.flush();
    expect(world.said()).toEqual(['heartbeat 3']);
  });

  it('starts with what is left over and a base', async () => {
    const next = new ConfigurationPublisher({
      log: world.log,
      connections: () => 1,
      revisions: world.revisions,
      documents: world.store,
      signingKey: keys.privateKey,
      verifyKey: keys.publicKey,
      clock: () => world.now,
      logger: createLogger({ name: 'test', level: 'silent' }),
    });
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
