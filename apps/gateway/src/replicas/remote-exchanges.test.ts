import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { jsonAnswer } from '../protocol/exchange.js';
import { RemoteExchanges } from './remote-exchanges.js';
import { pieceEnd } from '../protocol/piece-end.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('an answer on its way from another replica', () => {
  const open = (exchanges: RemoteExchanges, signal = new AbortController().signal) =>
    exchanges.open('x', { onGone: () => undefined, orElse: () => jsonAnswer(200, {}), signal });
  test('that nobody ever took leaves nothing behind: a state replayed after its call ended costs no timer (S16)', async () => {
    const exchanges = new RemoteExchanges();
    open(exchanges);
    expect(vi.getTimerCount()).toBe(1);
    exchanges.close('x');
    expect(vi.getTimerCount()).toBe(0);
    expect(await exchanges.take('x', { text: 'late', last: true })).toBe(false);
  });
  test('whose client left before the first piece leaves nothing behind either', () => {
    const client = new AbortController();
    open(new RemoteExchanges(), client.signal);
    client.abort();
    expect(vi.getTimerCount()).toBe(0);
  });
  test('is over for the replica that makes it once its client has all of it', async () => {
    const exchanges = new RemoteExchanges();
    const pieces = open(exchanges);
    const taken = exchanges.take('x', { text: 'all', last: true });
    expect((await pieces.next()).value).toEqual({ text: 'all', last: true });
    expect(await taken).toBe(true);
    expect((await pieces.next()).done).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });
  test('is cut between characters, never within one', () => {
    expect(pieceEnd('abcd', 0, 2)).toBe(2);
    expect(pieceEnd('a\u{1F600}b', 0, 2)).toBe(1);
    expect(pieceEnd('a\u{1F600}b', 0, 3)).toBe(3);
    expect(pieceEnd('\u{1F600}', 0, 2)).toBe(2);
  });
});
