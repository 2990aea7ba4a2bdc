import { describe, expect, it } from 'vitest';
import type { Revocation } from './change-set.js';
import { RevocationIndex } from './revocation-index.js';

const NOW = 1_800_000_000;
const index = () => new RevocationIndex(() => NOW * 1000);
const revocation = (subject: Revocation['subject'], notBefore = NOW, expiresAt: number | null = null): Revocation => ({
  id: 'rev_x',
  subject,
  notBefore,
  expiresAt,
});
const token = { userId: 'usr_a', clientId: 'agent-1', sid: 'ses_1', issuedAt: NOW - 1 };

describe('the revocation index', () => {
  it.each<[string, Revocation['subject'], Partial<typeof token>]>([
    ['a user', { type: 'user', userId: 'usr_a' }, { userId: 'usr_b' }],
    ['an agent', { type: 'agent', clientId: 'agent-1' }, { clientId: 'agent-2' }],
    ['a user through one agent', { type: 'user-agent', userId: 'usr_a', clientId: 'agent-1' }, { clientId: 'agent-2' }],
    [
      'a user through one agent, for other users',
      { type: 'user-agent', userId: 'usr_a', clientId: 'agent-1' },
      { userId: 'usr_b' },
    ],
    ['a session', { type: 'session', sid: 'ses_1' }, { sid: 'ses_2' }],
  ])('revokes %s and nobody else (S28)', (_, subject, other) => {
    const revocations = index();
    expect(revocations.isRevoked(token)).toBe(false);
    revocations.add([revocation(subject)]);
    expect(revocations.isRevoked(token)).toBe(true);
    expect(revocations.isRevoked({ ...token, ...other })).toBe(false);
  });

  it('withdraws a signing key for good, and no other, however late it hears of it (S28)', () => {
    const revocations = index();
    const before = revocations.generation;
    revocations.add([revocation({ type: 'signing-key', kid: 'at-1' }, NOW + 1)]);
    expect(revocations.generation).toBeGreaterThan(before);
    expect([revocations.isKeyWithdrawn('at-1'), revocations.isKeyWithdrawn('at-2')]).toEqual([true, false]);
    expect(revocations.isRevoked(token)).toBe(false);
  });

  it('voids what was issued before, and lets a later sign-in stand (S28)', () => {
    const revocations = index();
    revocations.add([revocation({ type: 'user', userId: 'usr_a' })]);
    expect(revocations.isRevoked({ ...token, issuedAt: NOW })).toBe(false);
  });

  it('never lets a revoked session come back, however late its token was issued (S28)', () => {
    const revocations = index();
    revocations.add([revocation({ type: 'session', sid: 'ses_1' })]);
    expect(revocations.isRevoked({ ...token, issuedAt: NOW + 3_600 })).toBe(true);
  });

  it('keeps the strictest of several revocations of one subject, in either order (S28)', () => {
    const strict = revocation({ type: 'user', userId: 'usr_a' }, NOW + 50, null);
    const mild = revocation({ type: 'user', userId: 'usr_a' }, NOW - 50, NOW + 60);
    for (const order of [
      [strict, mild],
      [mild, strict],
    ]) {
      const revocations = index();
      revocations.add(order);
      expect(revocations.isRevoked({ ...token, issuedAt: NOW + 49 })).toBe(true);
    }
  });

  it('raises its generation for each new revocation, and not when one is delivered again (S5)', () => {
    const revocations = index();
    const first = revocation({ type: 'session', sid: 'ses_1' });
    revocations.add([first]);
    expect(revocations.generation).toBe(1);
    revocations.add([first]);
    expect(revocations.generation).toBe(1);
    revocations.add([revocation({ type: 'user', userId: 'usr_a' })]);
    expect(revocations.generation).toBe(2);
    revocations.add([revocation({ type: 'user', userId: 'usr_a' }, NOW + 10)]);
    expect(revocations.generation).toBe(3);
  });

  it('knows what was leased of a connection, for a server, or from a credential provider (S28)', () => {
    const revocations = index();
    const lease = { connectionId: 'con_1', server: 'notes', credentialProvider: 'corp', leasedAt: NOW - 1 };
    expect(revocations.isLeaseRevoked(lease)).toBe(false);
    const others = { connectionId: null, server: 'mail', credentialProvider: 'hub', leasedAt: NOW - 1 };
    revocations.add([
      revocation({ type: 'connection', connectionId: 'con_1' }),
      revocation({ type: 'server', server: 'whoami' }),
      revocation({ type: 'credential-provider', credentialProvider: 'idp' }),
    ]);
    expect(
      [lease, { ...others, server: 'whoami' }, { ...others, credentialProvider: 'idp' }].map((one) =>
        revocations.isLeaseRevoked(one),
      ),
    ).toEqual([true, true, true]);
    expect(
      [others, { ...others, connectionId: 'con_2' }, { ...lease, leasedAt: NOW }].map((one) =>
        revocations.isLeaseRevoked(one),
      ),
    ).toEqual([false, false, false]);
    expect([
      revocations.isConnectionRevoked('con_1', NOW - 1),
      revocations.isConnectionRevoked('con_1', NOW),
      revocations.isConnectionRevoked('con_2', NOW - 1),
    ]).toEqual([true, false, false]);
  });

  it('forgets what has expired and keeps what is permanent (S28)', () => {
    let now = NOW;
    const revocations = new RevocationIndex(() => now * 1000);
    revocations.add([
      revocation({ type: 'session', sid: 'ses_1' }, NOW, NOW + 100),
      revocation({ type: 'user', userId: 'usr_a' }),
    ]);
    now += 200;
    revocations.add([revocation({ type: 'session', sid: 'late' }, NOW, NOW + 150)]);
    expect(revocations.size).toBe(1);
    expect(revocations.isRevoked({ ...token, sid: 'other' })).toBe(true);
  });
});
