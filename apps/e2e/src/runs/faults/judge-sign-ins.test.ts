import { beforeEach, describe, expect, test } from 'vitest';
import { judgeSignIns, LOST, PROMISED_MS, type ObservedSignIn, type SignInEvidence } from './judge-sign-ins.js';
import type { SignInEntry } from './sign-in-journal.js';
import type { IssuedToken, Presentation } from './single-use-provider.js';

const AWAY = 'the identity provider cannot be reached now: try again later';

/**
 * `r1` → `r2`, asked at 1000 by server-1 and confirmed; all has been calm since 900, and an outage is tolerated for 30
 * s.
 */
let tokens: [IssuedToken, IssuedToken];
let signIn: ObservedSignIn;
const entry = (
  at: number,
  ownerBefore: string | null,
  ownerAfter: string | null,
  changes: Partial<SignInEntry> = {},
): SignInEntry => ({
  at,
  process: 'server-1.0',
  ownerBefore,
  ownerAfter,
  state: 'stands',
  revision: 1,
  confirmedAt: 0,
  credential: null,
  ...changes,
});
const stores = (number: number) => ({ credential: { refreshDigest: `r${number}`, accessDigest: null } });
const shown = (at: number, outcome: Presentation['outcome'] = 'granted', isAnswerCut = false): Presentation => ({
  at,
  outcome,
  isAnswerCut,
});
const agent = (endedAt?: number, reason?: string) => [{ sid: 'ses_a', endedAt, reason }];

beforeEach(() => {
  const [first, second] = [1, 2].map((number): IssuedToken => ({
    digest: `r${number}`,
    accessDigest: `a${number}`,
    owner: 'person/1',
    successor: undefined,
    presentations: [],
  })) as [IssuedToken, IssuedToken];
  first.successor = second;
  first.presentations.push(shown(1_010));
  tokens = [first, second];
  signIn = {
    id: 'ids_a',
    createdAt: 0,
    confirmedAt: 1_030,
    agents: agent(),
    journal: [
      entry(0, null, null, stores(1)),
      entry(1_000, null, 'A'),
      entry(1_020, 'A', 'A', stores(2)),
      entry(1_030, 'A', null, { confirmedAt: 1_030 }),
    ],
  };
});
const judge = (changes: Partial<SignInEvidence> = {}) =>
  judgeSignIns({
    signIns: [signIn],
    log: new Map(tokens.map((token) => [token.digest, token])),
    dismissedAt: new Map(),
    refusals: [],
    killed: new Set(),
    graceMs: 0,
    recheckMs: 2_000,
    toleratedMs: 30_000,
    calmAt: 900,
    judgedAt: 5_000,
    ...changes,
  });
const problems = (changes: Partial<SignInEvidence> = {}) =>
  judge(changes).problems.map((problem) => problem.replace('ids_a: ', ''));
/** The answer to `r2` is cut, and the sign-in says so. */
const lose = (isAnswerCut = true) => {
  tokens[1].successor = { ...tokens[1], digest: 'r3', presentations: [] };
  tokens[1].presentations = [shown(3_010, 'granted', isAnswerCut), shown(3_020, 'refused'), shown(3_500, 'refused')];
  signIn = {
    ...signIn,
    journal: [
      ...signIn.journal,
      entry(3_000, null, 'B', { confirmedAt: 1_030 }),
      entry(3_510, 'B', null, { state: 'lost', confirmedAt: 1_030 }),
    ],
  };
};
const end = (at: number, reason: string) =>
  (signIn = {
    ...signIn,
    agents: agent(at, reason),
    journal: [...signIn.journal, entry(at, null, null, { state: 'ended', confirmedAt: 1_030 })],
  });

test('a sign-in that was confirmed when all was calm is no problem; one that was not is (B4)', () => {
  expect(judge()).toEqual({
    signIns: 1,
    rotations: 1,
    repeats: 0,
    abandoned: 0,
    lost: 0,
    dismissed: 0,
    slowestEndMs: 0,
    problems: [],
  });
  expect(problems({ calmAt: 2_000 })).toEqual(['was not confirmed when all was calm again']);
});

test('what is granted and not stored shows when its token is presented again, though no answer was lost (B3)', () => {
  signIn = {
    ...signIn,
    journal: [...signIn.journal.slice(0, 2), entry(1_030, 'A', null), entry(3_000, null, 'B'), entry(3_050, 'B', null)],
  };
  tokens[0].presentations.push(shown(3_010, 'refused'));
  expect(problems({ calmAt: 2_000 })).toContain('a token was spent twice although its answer came');
});

describe('a lost sign-in (R84)', () => {
  test('is one whose answer was cut, where the provider repeats none', () => {
    lose();
    expect(judge()).toMatchObject({ lost: 1, repeats: 2, problems: [] });
    expect(problems({ graceMs: 30_000 })).toEqual(['is lost although the provider allows a repeat']);
    // Hindered once more, it is asked again by 33.5 s, when the grace is just over.
    tokens[1].presentations.push(shown(13_500, 'repeated', true));
    expect(problems({ graceMs: 30_000 })).not.toContain('is lost although the provider allows a repeat');
  });
  test('is none whose answer came', () => {
    lose(false);
    expect(problems()).toContain('is lost although every answer came');
  });
  test('is none whose token is good', () => {
    lose();
    tokens[1].successor = undefined;
    expect(problems()).toContain('is lost although its token was never spent');
  });
  test('ends when its last yes is older than is tolerated: not before, and not long after', () => {
    lose();
    end(31_100, LOST);
    expect(problems()).toEqual([]);
    end(31_000, LOST);
    expect(problems()).toEqual(['was signed out before its last yes was older than is tolerated']);
    signIn = { ...signIn, agents: agent() };
    expect(problems({ judgedAt: 1_030 + 30_000 + 2_000 + PROMISED_MS + 1 })).toEqual([
      'stands 1 ms longer than it may',
    ]);
  });
});

describe('an agent session (R84)', () => {
  test('that ends while its person is there is a problem, whatever the reason', () => {
    end(4_000, 'refused by the identity provider: invalid_grant');
    expect(problems()).toEqual([
      'was signed out though the provider knows its person: refused by the identity provider: invalid_grant',
    ]);
    end(4_000, LOST);
    expect(problems()).toHaveLength(1);
  });
  test('ends in time when its person has left', () => {
    const dismissedAt = new Map([['person', 3_500]]);
    end(4_000, 'refused by the identity provider: invalid_grant');
    expect(judge({ dismissedAt })).toMatchObject({ dismissed: 1, slowestEndMs: 500, problems: [] });
    end(3_400, 'refused by the identity provider: invalid_grant');
    expect(problems({ dismissedAt })).toHaveLength(1);
    const outBy = 3_500 + 2_000 + PROMISED_MS;
    end(outBy + 5, 'refused by the identity provider: invalid_grant');
    expect(problems({ dismissedAt })).toEqual(['ended 5 ms later than it may']);
    signIn = { ...signIn, agents: agent() };
    expect(problems({ dismissedAt, judgedAt: outBy + 7 })).toEqual(['stands 7 ms longer than it may']);
    tokens[1].presentations.push(shown(3_600, 'unavailable')); // the time counts from there
    expect(problems({ dismissedAt, judgedAt: outBy + 7 })).not.toContain('stands 7 ms longer than it may');
    expect(problems({ dismissedAt, judgedAt: outBy + 107 })).toContain('stands 7 ms longer than it may');
  });
  test.each([
    [
      { at: 4_000, status: 400, error: 'invalid_grant', description: '' },
      'was refused a refresh while its session stands',
    ],
    [{ at: 20_000, status: 503, error: '', description: AWAY }, 'was told to come back later within what is tolerated'],
    [{ at: 4_000, status: 500, error: 'server_error', description: '' }, 'was answered 500 server_error'],
  ])('that stands is refused nothing: %o', (refusal, problem) => {
    expect(problems({ refusals: [{ sid: 'ses_a', ...refusal }] })).toEqual([problem]);
    expect(problems({ refusals: [{ sid: 'ses_b', ...refusal }] })).toEqual([]);
  });
  test('is told to come back later when the last yes is too old, or where nothing is configured yet', () => {
    const later = { sid: 'ses_a', status: 503, error: 'temporarily_unavailable' };
    const refusals = [
      { ...later, at: 32_000, description: AWAY },
      { ...later, at: 4_000, description: 'not yet' },
    ];
    expect(problems({ refusals })).toEqual([]);
  });
});
