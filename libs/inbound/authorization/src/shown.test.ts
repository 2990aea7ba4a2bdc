import { describe, expect, test } from 'vitest';
import { changedSince, writeShown } from './index.js';

describe('what a page showed', () => {
  const shown = writeShown({ user: 'usr_1', scopes: ['a', 'b'], account: null });
  test('is told apart from what is now, fact by fact, whatever their order (S35)', () => {
    expect(writeShown({ account: null, scopes: ['a', 'b'], user: 'usr_1' })).toBe(shown);
    expect(changedSince(shown, { account: null, scopes: ['a', 'b'], user: 'usr_1' })).toEqual([]);
    expect(changedSince(shown, { user: 'usr_2', scopes: ['a'], account: null })).toEqual(['scopes', 'user']);
    expect(changedSince(shown, { user: 'usr_1', scopes: ['a', 'b'] })).toEqual(['account']);
    expect(changedSince(shown, { user: 'usr_1', scopes: ['a', 'b'], account: null, server: 'notes' })).toEqual([
      'server',
    ]);
  });
  test('counts as changed altogether when it cannot be read', () => {
    for (const text of [
      '',
      'e30',
      '!',
      Buffer.from('[]').toString('base64url'),
      Buffer.from('null').toString('base64url'),
    ])
      expect(changedSince(text, { user: 'usr_1' })).toEqual(['user']);
  });
});
