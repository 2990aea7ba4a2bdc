import { generateKeyPair } from 'jose';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ChangeSet, LogEntry, Revocation } from './change-set.js';
import { ConfigurationReplica } from './configuration-replica.js';
import type { ReplicaProblem } from './configuration-replica.js';
import { Document } from './documents.js';
import { signLogEntry } from './log-entry.js';
import { splitBase } from './split-base.js';

const keys = await generateKeyPair('EdDSA');
const foreign = await generateKeyPair('EdDSA');
const server = (name: string) =>
  Document.parse({ kind: 'McpServer', name, spec: { url: `https://${name}.example/mcp` } });
const change = (revision: number, part: Partial<ChangeSet> = {}): ChangeSet => ({
  v: 1,
  type: 'change',
  epoch: 'e1',
  revision,
  puts: [],
  deletes: [],
  revocations: [],
  ...part,
});
const userRevoked = (id: string, userId: string, notBefore: number): Revocation => ({
  id,
  subject: { type: 'user', userId },
  notBefore,
  expiresAt: null,
});

/**
 * A log that a test fills; `restart()` delivers what is stored from the start, as the real ones do from the newest
 * base.
 */
class MemoryLog {
  stored: string[] = [];
  restarts = 0;
  replayed: Promise<void> = Promise.resolve();
  #listener: ((jws: string) => void | Promise<void>) | undefined;

  async follow(listener: (jws: string) => void | Promise<void>) {
    this.#listener = listener;
    await this.#replay();
    return {
      restart: () => {
        this.restarts++;
        return (this.replayed = this.#replay());
      },
      stop: async () => {
        this.#listener = undefined;
      },
    };
  }
  async store(entry: LogEntry, key = keys.privateKey) {
    const jws = await signLogEntry(entry, key);
    this.stored.push(jws);
    await this.#listener?.(jws);
  }
  async live(entry: LogEntry, key = keys.privateKey) {
    await this.#listener?.(await signLogEntry(entry, key));
  }
  async #replay() {
    for (const jws of this.stored) await this.#listener?.(jws);
  }
}

describe('a configuration replica', () => {
  let log: MemoryLog;
  let replica: ConfigurationReplica;
  let problems: ReplicaProblem[];
  let now: number;
  const beat = (revision: number, epoch = 'e1', issuedAt = now) =>
    log.live({ v: 1, type: 'heartbeat', epoch, revision, issuedAt });

  beforeEach(async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    now = 1_800_000_000_000;
    log = new MemoryLog();
    problems = [];
    for (const chunk of splitBase(
      { epoch: 'e1', revision: 3, documents: [server('notes'), server('whoami')], revocations: [] },
      60,
    ))
      await log.store(chunk);
    replica = new ConfigurationReplica({
      log,
      verifyKey: keys.publicKey,
      clock: () => now,
      onProblem: (problem) => problems.push(problem),
    });
    await replica.start();
  });
  afterEach(async () => {
    await replica.stop();
    vi.useRealTimers();
  });

  it('is ready once a base is complete and a heartbeat says that nothing is missing (S27)', async () => {
    expect(log.stored.length).toBeGreaterThan(1);
    expect(() => replica.snapshot()).toThrow(expect.objectContaining({ code: 'configuration_not_ready' }));
    await beat(3);
    expect(
      replica
        .snapshot()
        .all('McpServer')
        .map((document) => document.name),
    ).toEqual(['notes', 'whoami']);
    expect(replica.state()).toEqual({
      ready: true,
      stale: false,
      distrusts: false,
      epoch: 'e1',
      revision: 3,
      staleForMs: 0,
    });
  });

  it('starts from the base alone while the control plane is down, for as long as the bound allows (S28)', async () => {
    await vi.advanceTimersByTimeAsync(2_000);
    expect(replica.snapshot().revision).toBe(3);
    now += 300_001;
    expect(() => replica.snapshot()).toThrow(expect.objectContaining({ code: 'configuration_stale' }));
  });

  it('does not use a base of which a chunk is missing (S27)', async () => {
    const partial = new MemoryLog();
    for (const chunk of splitBase(
      { epoch: 'e1', revision: 3, documents: [server('notes'), server('whoami')], revocations: [] },
      60,
    ).slice(1))
      await partial.store(chunk);
    const incomplete = new ConfigurationReplica({ log: partial, verifyKey: keys.publicKey, clock: () => now });
    await incomplete.start();
    await vi.advanceTimersByTimeAsync(2_000);
    expect(incomplete.state().ready).toBe(false);
    await incomplete.stop();
  });

  it('applies changes in order and tells its listeners (S27)', async () => {
    await beat(3);
    const seen: number[] = [];
    replica.onChange((snapshot) => seen.push(snapshot.revision));
    await log.store(change(4, { puts: [server('github')] }));
    await log.store(change(5, { deletes: [{ kind: 'McpServer', name: 'notes' }] }));
    expect(seen).toEqual([4, 5]);
    expect(
      replica
        .snapshot()
        .all('McpServer')
        .map((document) => document.name),
    ).toEqual(['github', 'whoami']);
    expect(replica.snapshot().get('McpServer', 'notes')).toBeUndefined();
  });

  it('keeps the documents of an older snapshot as they were', async () => {
    await beat(3);
    const before = replica.snapshot();
    await log.store(change(4, { puts: [server('github')] }));
    expect(before.get('McpServer', 'github')).toBeUndefined();
    expect(replica.snapshot().get('McpServer', 'github')).toBeDefined();
  });

  it('skips what another key signed (S27)', async () => {
    await beat(3);
    await log.live(change(4, { puts: [server('evil')] }), foreign.privateKey);
    expect(replica.snapshot().revision).toBe(3);
    expect(problems).toEqual([{ type: 'untrusted-entry', reason: 'signature' }]);
    expect(replica.state().distrusts).toBe(true);
    await beat(3);
    expect(replica.state().distrusts).toBe(false);
  });

  it('does not count a heartbeat that another key signed (S27)', async () => {
    await beat(3);
    now += 200_000;
    await log.live({ v: 1, type: 'heartbeat', epoch: 'e1', revision: 3, issuedAt: now }, foreign.privateKey);
    expect(replica.state().staleForMs).toBe(200_000);
  });

  it('refuses a lower revision, as a change and as a base (S27)', async () => {
    await beat(3);
    await log.store(change(4, { puts: [server('github')] }));
    await log.live(change(2, { deletes: [{ kind: 'McpServer', name: 'github' }] }));
    for (const chunk of splitBase({ epoch: 'e1', revision: 2, documents: [], revocations: [] })) await log.live(chunk);
    expect(replica.snapshot().revision).toBe(4);
    expect(replica.snapshot().all('McpServer')).toHaveLength(3);
    expect(problems).toEqual([{ type: 'lower-revision', have: 4, got: 2 }]);
  });

  it('starts over from the newest base after a gap, and applies nothing of what came after it until then (S27)', async () => {
    await beat(3);
    for (const chunk of splitBase({ epoch: 'e1', revision: 6, documents: [server('fresh')], revocations: [] }))
      log.stored.push(await signLogEntry(chunk, keys.privateKey));
    await log.live(change(6, { puts: [server('github')] }));
    expect(replica.snapshot().revision).toBe(3);
    await vi.advanceTimersByTimeAsync(0);
    await log.replayed;
    expect(log.restarts).toBe(1);
    expect(replica.snapshot().revision).toBe(6);
    expect(
      replica
        .snapshot()
        .all('McpServer')
        .map((document) => document.name),
    ).toEqual(['fresh']);
  });

  it('starts over when heartbeats name a revision that does not arrive, and is stale meanwhile (S27)', async () => {
    await beat(3);
    for (let second = 0; second < 4; second++) {
      now += 1_000;
      await beat(4);
    }
    await vi.advanceTimersByTimeAsync(0);
    expect(log.restarts).toBe(1);
    expect(replica.state().staleForMs).toBe(4_000);
  });

  it('takes a base of a new epoch only after a fresh heartbeat announced that epoch (S27)', async () => {
    await beat(3);
    const base = splitBase({ epoch: 'e2', revision: 1, documents: [server('other')], revocations: [] });
    for (const chunk of base) await log.store(chunk);
    expect(replica.snapshot().epoch).toBe('e1');
    now += 1_000;
    await beat(1, 'e2');
    await vi.advanceTimersByTimeAsync(0);
    await log.replayed;
    expect(replica.snapshot()).toMatchObject({ epoch: 'e2', revision: 1 });
  });

  it('is not kept fresh by heartbeats of a lower revision, and takes nothing of the other history they announce (S27)', async () => {
    await beat(3);
    await log.store(change(4, { puts: [server('github')] }));
    for (let second = 0; second < 3; second++) {
      now += 1_000;
      await beat(3);
    }
    expect(replica.state()).toMatchObject({ revision: 4, staleForMs: 3_000 });
    expect(problems).toEqual([{ type: 'ahead', have: 4, got: 3 }]);
    await log.store(
      change(5, { puts: [server('other-history')], revocations: [userRevoked('rev_1', 'usr_a', 1_800_000_000)] }),
    );
    for (const chunk of splitBase({ epoch: 'e1', revision: 6, documents: [], revocations: [] })) await log.store(chunk);
    now += 1_000;
    await beat(6);
    expect(replica.state()).toMatchObject({ revision: 4, staleForMs: 4_000 });
    expect(
      replica.snapshot().revocations.isRevoked({ userId: 'usr_a', clientId: 'c', sid: 's', issuedAt: 1_799_999_999 }),
    ).toBe(true);
    for (const chunk of splitBase({ epoch: 'e2', revision: 7, documents: [server('notes')], revocations: [] }))
      await log.store(chunk);
    now += 1_000;
    await beat(7, 'e2');
    await vi.advanceTimersByTimeAsync(0);
    await log.replayed;
    now += 1_000;
    await beat(7, 'e2');
    expect(replica.snapshot()).toMatchObject({ epoch: 'e2', revision: 7 });
    expect(replica.state().staleForMs).toBe(0);
  });

  it('goes on after many heartbeats at once that changes have overtaken: two control planes publish much (S27)', async () => {
    await beat(3);
    await log.store(change(4));
    for (const revision of [3, 2, 3, 2, 3, 3]) {
      now += 50;
      await beat(revision);
    }
    await log.store(change(5));
    now += 1_000;
    await beat(5);
    expect(replica.state()).toMatchObject({ revision: 5, staleForMs: 0 });
    expect(problems).toEqual([]);
  });

  it('does not mind a heartbeat that a change has overtaken (S27)', async () => {
    await beat(3);
    await log.store(change(4));
    for (const revision of [3, 3, 4, 3, 3, 4]) {
      now += 1_000;
      await beat(revision);
    }
    await log.store(change(5));
    expect(replica.state()).toMatchObject({ revision: 5, staleForMs: 0 });
    expect(problems).toEqual([]);
  });

  it('does not follow a replayed heartbeat into an old epoch (S27)', async () => {
    await beat(3);
    await beat(9, 'e0', now - 120_000);
    for (const chunk of splitBase({ epoch: 'e0', revision: 9, documents: [], revocations: [] })) await log.live(chunk);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(replica.snapshot().epoch).toBe('e1');
    expect(log.restarts).toBe(0);
  });

  it('fails closed when heartbeats stop, and recovers when they return (S27)', async () => {
    await beat(3);
    now += 300_000;
    expect(replica.snapshot().revision).toBe(3);
    now += 1;
    expect(replica.state().stale).toBe(true);
    expect(() => replica.snapshot()).toThrow(expect.objectContaining({ code: 'configuration_stale' }));
    await beat(3);
    expect(replica.snapshot().revision).toBe(3);
  });

  it('counts no heartbeat twice and none from another time (S27)', async () => {
    await beat(3);
    const issuedAt = now;
    now += 30_000;
    await beat(3, 'e1', issuedAt);
    await beat(3, 'e1', now - 60_001);
    await beat(3, 'e1', now + 60_001);
    expect(replica.state().staleForMs).toBe(30_000);
  });

  it('keeps revocations when a newer base does not list them (S28)', async () => {
    await beat(3);
    await log.store(change(4, { revocations: [userRevoked('rev_1', 'usr_a', 1_800_000_000)] }));
    for (const chunk of splitBase({ epoch: 'e1', revision: 5, documents: [], revocations: [] })) await log.store(chunk);
    expect(replica.snapshot().revision).toBe(5);
    expect(
      replica.snapshot().revocations.isRevoked({ userId: 'usr_a', clientId: 'c', sid: 's', issuedAt: 1_799_999_999 }),
    ).toBe(true);
  });

  it('shows a revocation through a snapshot taken earlier, whose documents keep their identity (S28)', async () => {
    await beat(3);
    const earlier = replica.snapshot();
    await log.store(change(4, { revocations: [userRevoked('rev_1', 'usr_a', 1_800_000_000)] }));
    expect(earlier.revocations.isRevoked({ userId: 'usr_a', clientId: 'c', sid: 's', issuedAt: 1_799_999_999 })).toBe(
      true,
    );
    expect(replica.snapshot().documents).toBe(earlier.documents);
  });

  it('goes on when a listener throws', async () => {
    await beat(3);
    replica.onChange(() => {
      throw new Error('broken listener');
    });
    await log.store(change(4));
    await log.store(change(5));
    expect(replica.snapshot().revision).toBe(5);
    expect(problems.map((problem) => problem.type)).toEqual(['listener-failed', 'listener-failed']);
  });

  it('resolves whenReady with the first complete snapshot and gives up after the time given', async () => {
    const ready = replica.whenReady(5_000);
    await beat(3);
    expect((await ready).revision).toBe(3);
    const empty = new ConfigurationReplica({ log: new MemoryLog(), verifyKey: keys.publicKey, clock: () => now });
    await Promise.all([
      expect(empty.whenReady(5_000)).rejects.toMatchObject({ code: 'configuration_not_ready' }),
      vi.advanceTimersByTimeAsync(5_000),
    ]);
  });
});
