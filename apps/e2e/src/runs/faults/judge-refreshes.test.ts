import { beforeEach, describe, expect, test } from 'vitest';
import { judgeRefreshes, type Evidence } from './judge-refreshes.js';
import type { JournalEntry } from './judge-tokens.js';
import type { IssuedToken, Presentation } from './single-use-provider.js';

/** `r1` → `r2` → `r3`, refreshed at 1000 and 2000 by worker-1; the last is good, and all has been calm since 1500. */
let tokens: [IssuedToken, IssuedToken, IssuedToken];
let journal: JournalEntry[];
const entry = (
  at: number,
  ownerBefore: string | null,
  ownerAfter: string | null,
  changes: Partial<JournalEntry> = {},
): JournalEntry => ({
  at,
  process: 'worker-1.0',
  ownerBefore,
  ownerAfter,
  state: 'connected',
  revision: 1,
  credential: null,
  ...changes,
});
const stores = (number: number) => ({ credential: { refreshDigest: `r${number}`, accessDigest: `a${number}` } });
const shown = (at: number, outcome: Presentation['outcome'] = 'granted', isAnswerCut = false): Presentation => ({
  at,
  outcome,
  isAnswerCut,
});
beforeEach(() => {
  const [first, second, third] = [1, 2, 3].map((number): IssuedToken => ({
    digest: `r${number}`,
    accessDigest: `a${number}`,
    owner: 'usr_a',
    successor: undefined,
    presentations: [],
  })) as [IssuedToken, IssuedToken, IssuedToken];
  [first.successor, second.successor] = [second, third];
  first.presentations.push(shown(1_010));
  second.presentations.push(shown(2_010));
  tokens = [first, second, third];
  journal = [
    entry(0, null, null, stores(1)),
    entry(1_000, null, 'A'),
    entry(1_020, 'A', null, stores(2)),
    entry(2_000, null, 'B'),
    entry(2_020, 'B', null, stores(3)),
  ];
});
const judge = (changes: Partial<Evidence> = {}) =>
  judgeRefreshes({
    connections: [{ userId: 'usr_a', journal }],
    log: new Map(tokens.map((token) => [token.digest, token])),
    leased: [],
    killed: new Set(),
    graceMs: 0,
    calmAt: 1_500,
    ...changes,
  });
const problems = (changes: Partial<Evidence> = {}) =>
  judge(changes).problems.map((problem) => problem.replace('usr_a: ', ''));

describe("what is held against the provider's log (B3)", () => {
  test('nothing, when each token was spent once and its successor stored', () => {
    expect(judge({ leased: [{ userId: 'usr_a', accessDigest: 'a2' }] })).toEqual({
      lost: 0,
      rotations: 2,
      repeats: 0,
      abandoned: 0,
      problems: [],
    });
  });

  describe('a grant that is lost', () => {
    const lose = (state: string) => {
      journal = [...journal.slice(0, 4), entry(2_020, 'B', null, { state })];
    };
    test('is one whose answer was cut, and says so', () => {
      tokens[1].presentations = [shown(2_010, 'granted', true), shown(2_012, 'refused'), shown(2_015, 'refused')];
      lose('needs_reconnect');
      expect(judge()).toMatchObject({ lost: 1, repeats: 2, problems: [] });
      expect(problems({ graceMs: 30_000 })).toEqual(['is lost although the provider allows a repeat']);
      lose('connected');
      expect(problems()).toEqual(['is lost, and shown as connected']);
    });
    test('is not one whose answer came, at whatever time a process was killed', () => {
      lose('needs_reconnect');
      expect(problems({ killed: new Set(['worker-1.0', 'worker-2.0']) })).toEqual(['is lost although the answer came']);
    });
    test('is one whose process was killed before it left the lock, and found by the next', () => {
      tokens[1].presentations.push(shown(9_010, 'refused'), shown(9_020, 'refused'));
      journal = [
        ...journal.slice(0, 4),
        entry(9_000, 'B', 'C', { process: 'worker-2.0' }),
        entry(9_030, 'C', null, { process: 'worker-2.0', state: 'needs_reconnect' }),
      ];
      expect(judge({ killed: new Set(['worker-1.0']) })).toMatchObject({ lost: 1, abandoned: 1, problems: [] });
      expect(problems({ killed: new Set(['worker-2.0']) })).toEqual([
        'a token was spent twice although its answer came',
        'a token was spent twice although its answer came',
        'is lost although the answer came',
      ]);
    });
  });

  test('a good grant that is given up, or never taken up again', () => {
    expect(problems({ calmAt: 3_000 })).toEqual(['was not refreshed when all was calm again']);
    journal.push(entry(3_000, null, null, { state: 'needs_reconnect' }));
    expect(problems()).toEqual(['is needs_reconnect although its token was never spent']);
    tokens[2].presentations.push(shown(4_000, 'refused'));
    expect(problems()).toContain('a token was presented after its grant was given up');
  });

  test('a token spent twice, although its answer came, after its successor was stored, or without the lock', () => {
    tokens[0].presentations.push(shown(1_015, 'repeated'));
    expect(problems({ graceMs: 30_000 })).toEqual([
      'a token was spent twice although its answer came',
      'a token was presented too often in one refresh',
    ]);
    tokens[0].presentations = [shown(1_010, 'granted', true), shown(1_015, 'repeated')];
    expect(problems({ graceMs: 30_000 })).toEqual([]);
    tokens[0].presentations.push(shown(2_005, 'repeated'));
    expect(problems({ graceMs: 30_000 })).toEqual(['a token was presented after its successor was stored']);
    tokens[0].presentations = [shown(900)];
    expect(problems()).toEqual(['a token was presented without the lock']);
  });

  test.each([
    ['once more after a cut answer, and once more after a refusal', ['granted cut', 'refused', 'refused'], 0],
    ['once more after a good token was refused', ['mistaken', 'granted'], 0],
    ['twice more after cut answers', ['granted cut', 'refused cut', 'refused'], 1],
    ['twice more after refusals', ['mistaken', 'refused', 'refused'], 1],
    ['after an answer that said to come later', ['unavailable', 'granted'], 1],
  ])('in one refresh a token is presented %s', (_what, outcomes, expected) => {
    tokens[0].presentations = outcomes.map((text, index) =>
      shown(1_010 + index, text.split(' ')[0] as Presentation['outcome'], text.endsWith('cut')),
    );
    expect(problems().filter((problem) => problem.endsWith('too often in one refresh'))).toHaveLength(expected);
  });

  test('what is stored out of turn, twice over, before its time or for somebody else (R39)', () => {
    journal[4] = entry(2_020, 'B', null, stores(1));
    expect(problems()).toContain('what was stored is not the successor of what was stored before');
    journal[4] = entry(2_020, 'B', null, { credential: { refreshDigest: 'r3', accessDigest: 'a2' } });
    expect(problems()).toEqual(['tokens were stored that do not belong together']);
    journal[4] = entry(2_020, 'B', null, { credential: { refreshDigest: 'r9', accessDigest: 'a9' } });
    expect(problems()).toContain('a token was stored that was never issued');
    journal[4] = entry(2_020, 'B', null, stores(3));
    tokens[2].presentations.push(shown(2_015, 'refused'));
    expect(problems()).toEqual(['a token was presented before it was stored']);
    tokens[2] = { ...tokens[2], owner: 'usr_b', presentations: [] };
    expect(problems()[0]).toBe('a credential of usr_b was stored');
  });

  test("a lease of what was not stored, or is another user's (R39)", () => {
    expect(problems({ leased: [{ userId: 'usr_a', accessDigest: 'a9' }] })).toEqual([
      'was leased a credential that is not theirs, or was not stored',
    ]);
    expect(judge({ leased: [{ userId: 'usr_b', accessDigest: 'a3' }] }).problems).toEqual([
      'usr_b: was leased a credential that is not theirs, or was not stored',
    ]);
  });
});
