import { randomBytes } from 'node:crypto';
import { newId, Secret } from '@sallyport/kernel';
import type { Caller } from '@sallyport/policy';
import { describe, expect, test } from 'vitest';
import { OpenQuestions } from '../conversation/open-questions.js';
import { openListCursor, sealListCursor } from './list-cursor.js';
import { LogLevels } from './log-levels.js';
import { openMcpSession, sealLogLevel, sealMcpSession } from './mcp-session.js';
import { openRequestState, sealRequestState } from './request-state.js';
import { StateSealer } from './state-sealer.js';
import { openTaskId, sealTaskId, taskAction } from './task-id.js';

const now = 1_800_000_000_000;
const key = () => new Secret<Uint8Array>(randomBytes(32));
const caller = (change: Partial<Caller> = {}): Caller => ({
  userId: newId('usr'),
  sid: newId('ses'),
  trustProvider: 'demo',
  subject: 'alice',
  clientId: 'agent',
  agentName: 'Agent',
  agentAssurance: 'asserted',
  isKeyBound: false,
  scopes: new Set(),
  roles: [],
  groups: [],
  authTime: 0,
  issuedAt: 0,
  expiresAt: 0,
  acr: undefined,
  amr: [],
  ...change,
});

describe('sealed state', () => {
  const current = key();
  const sealer = new StateSealer([current]);
  test('opens on every replica with the same key, and with a key that is being retired (S16)', () => {
    const sealed = sealer.seal('mcp-session', { a: 1 }, ['x']);
    expect(sealed).toMatch(/^[\x21-\x7e]+$/);
    expect(new StateSealer([current]).open('mcp-session', sealed, ['x'])).toEqual({ a: 1 });
    expect(new StateSealer([key(), current]).open('mcp-session', sealed, ['x'])).toEqual({ a: 1 });
  });
  test('opens neither for another purpose, nor bound to something else, nor under another key, nor altered (S16)', () => {
    const sealed = sealer.seal('mcp-session', { a: 1 }, ['x', 'y']);
    expect(sealer.open('request-state', sealed, ['x', 'y'])).toBeUndefined();
    expect(sealer.open('mcp-session', sealed, ['x,y'])).toBeUndefined();
    expect(new StateSealer([key()]).open('mcp-session', sealed, ['x', 'y'])).toBeUndefined();
    const altered = Buffer.from(sealed, 'base64url');
    altered[20] = (altered[20] ?? 0) ^ 1;
    expect(sealer.open('mcp-session', altered.toString('base64url'), ['x', 'y'])).toBeUndefined();
    for (const garbage of ['', 'x', `${sealed}=`, `${sealed}A`])
      expect(sealer.open('mcp-session', garbage, ['x', 'y'])).toBeUndefined();
  });
});

test('questions of one user leave room for those of others, and make room when they are answered or withdrawn', () => {
  const questions = new OpenQuestions({ sealer: new StateSealer([key()]), replica: 'one', limit: 3, limitPerUser: 2 });
  const [alice, bob, carol] = [caller(), caller(), caller()];
  const open = (who: Caller) => questions.open({ caller: who, sessionId: 's' }, () => undefined);
  const first = open(alice);
  expect([open(alice), open(alice), open(bob), open(carol)].map((opened) => opened !== undefined)).toEqual([
    true,
    false,
    true,
    false,
  ]);
  first?.close();
  first?.close();
  expect([open(carol), open(bob)].map((opened) => opened !== undefined)).toEqual([true, false]);
});

describe('a legacy session id', () => {
  const sealer = new StateSealer([key()]);
  test('gives its own user and agent back what they said, also after a new sign-in (B11, S16)', () => {
    const alice = caller();
    const id = sealMcpSession(sealer, alice, { version: '2025-11-25', abilities: new Set(['url'] as const) }, now);
    expect(openMcpSession(sealer, { ...alice, sid: newId('ses') }, id, now)).toMatchObject({
      version: '2025-11-25',
      abilities: new Set(['url'] as const),
    });
  });
  test('is nothing to another user, another agent, or after its time (S16)', () => {
    const alice = caller();
    const id = sealMcpSession(sealer, alice, { version: '2025-11-25', abilities: new Set(['url'] as const) }, now);
    expect(openMcpSession(sealer, caller(), id, now)).toBeUndefined();
    expect(openMcpSession(sealer, { ...alice, clientId: 'other' }, id, now)).toBeUndefined();
    expect(openMcpSession(sealer, alice, id, now + 24 * 3_600_000)).toBeUndefined();
  });
});

describe('a log level', () => {
  const sealer = new StateSealer([key()]);
  test('travels in the session id, which stays the same session (B11)', () => {
    const alice = caller();
    const session = openMcpSession(
      sealer,
      alice,
      sealMcpSession(sealer, alice, { version: '2025-11-25', abilities: new Set() }, now),
      now,
    );
    if (session === undefined) throw new Error('the session is open');
    const log = { level: 'error' as const, setAt: now + 1 };
    expect(openMcpSession(sealer, alice, sealLogLevel(sealer, alice, session, log), now)).toEqual({ ...session, log });
    const levels = new LogLevels(() => now);
    expect(levels.latest(session)).toBe(session);
    levels.remember({ ...session, userId: alice.userId }, log);
    expect(levels.latest(session).log?.level).toBe('error');
    expect(levels.latest({ ...session, log: { level: 'debug', setAt: now + 2 } }).log?.level).toBe('debug');
  });
});

describe('a cursor', () => {
  const sealer = new StateSealer([key()]);
  const alice = caller();
  const list = { caller: alice, what: 'tools', target: undefined, documents: 'digest' };
  const sealed = sealListCursor(sealer, list, { server: 'notes', publicName: 'notes__a' }, now);
  test('goes on with its own list (S15)', () => {
    expect(openListCursor(sealer, list, sealed, now)).toMatchObject({ server: 'notes', publicName: 'notes__a' });
  });
  test.each([
    ['of another user', { ...list, caller: { ...alice, userId: newId('usr') } }, now],
    ['of another agent', { ...list, caller: { ...alice, clientId: 'other' } }, now],
    ['of another sign-in', { ...list, caller: { ...alice, sid: newId('ses') } }, now],
    ['of another kind', { ...list, what: 'prompts' }, now],
    ['of one server', { ...list, target: 'notes' }, now],
    ['under another policy', { ...list, documents: 'other' }, now],
    ['at a later hour', list, now + 10 * 60_000],
  ])('is nothing to a list %s (S15)', (_which, other, when) => {
    expect(openListCursor(sealer, other, sealed, when)).toBeUndefined();
  });
});

describe('request state', () => {
  const sealer = new StateSealer([key()]);
  const operation = { server: 'notes', method: 'tools/call', subject: ['notes__add', { a: 1, b: { c: 2 } }] as const };
  const alice = caller();
  const sealed = sealRequestState(sealer, alice, operation, { kind: 'server', downstream: 'theirs' }, now);
  test('comes back for the same operation, whatever the order of the arguments (S16)', () => {
    const rebuilt = { ...operation, subject: ['notes__add', { b: { c: 2 }, a: 1 }] as const };
    expect(openRequestState(sealer, alice, rebuilt, sealed, now)).toMatchObject({
      kind: 'server',
      downstream: 'theirs',
    });
  });
  test.each([
    ['another user', { ...alice, userId: newId('usr') }, operation, now],
    ['another agent', { ...alice, clientId: 'other' }, operation, now],
    ['another sign-in', { ...alice, sid: newId('ses') }, operation, now],
    ['another server', alice, { ...operation, server: 'mail' }, now],
    ['another method', alice, { ...operation, method: 'resources/read' }, now],
    ['another tool', alice, { ...operation, subject: ['notes__delete', { a: 1, b: { c: 2 } }] as const }, now],
    ['other arguments', alice, { ...operation, subject: ['notes__add', { a: 2, b: { c: 2 } }] as const }, now],
    ['a later day', alice, operation, now + 15 * 60_000],
  ])('is refused for %s (S16)', (_for, who, what, when) => {
    expect(openRequestState(sealer, who, what, sealed, when)).toBeUndefined();
  });
});

describe('the id of a task', () => {
  const sealer = new StateSealer([key()]);
  const task = { server: 'jobs', origin: 'https://jobs.example', id: 'task-1', tool: 'begin', arguments: { size: 3 } };
  test('says to its own user, agent and sign-in where it runs and what began it, and nothing to others (S16)', () => {
    const alice = caller();
    const id = sealTaskId(sealer, alice, task) ?? expect.fail('not sealed');
    expect(id).not.toContain('task-1');
    expect(openTaskId(sealer, caller({ userId: alice.userId, sid: alice.sid }), id)).toEqual(task);
    for (const other of [caller(), { ...alice, clientId: 'other' }, { ...alice, sid: newId('ses') }])
      expect(openTaskId(sealer, other, id)).toBeUndefined();
    for (const altered of [
      '',
      'task-1',
      `${id}A`,
      'A'.repeat(1_000_000),
      sealer.seal('request-state', task, [alice.userId, alice.clientId, alice.sid]),
    ])
      expect(openTaskId(sealer, alice, altered)).toBeUndefined();
  });
  test('fits into a header whatever the server calls it and the arguments are, or is none (S10, S16)', () => {
    const longest = taskAction({ name: 't'.repeat(128), definition: 'd'.repeat(64) }, { text: 'é'.repeat(506) });
    const id = sealTaskId(sealer, caller(), {
      server: 's'.repeat(24),
      origin: `https://${'o'.repeat(60)}.example:8443`,
      id: 'x'.repeat(1_024),
      tool: longest.name,
      definition: longest.definition,
      arguments: longest.arguments,
    });
    expect(longest.arguments).toBeDefined();
    expect(id?.length).toBeLessThan(3_500);
    expect(taskAction({ name: 't' }, { text: 'é'.repeat(507) }).arguments).toBeUndefined();
    expect(taskAction({ name: 't' }, undefined).arguments).toEqual({});
    expect(sealTaskId(sealer, caller(), { ...task, id: 'x'.repeat(1_025) })).toBeUndefined();
  });
});
