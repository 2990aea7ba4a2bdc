import type { IssuedToken, Presentation } from './single-use-provider.js';

/** A write of one row as the database noted it: a lock that was taken or left, a credential, a state. */
export interface JournalEntry {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Which start of which process wrote it. */
  readonly process: string;
  /** Of the refresh lock. A refresh has an owner of its own. */
  readonly ownerBefore: string | null;
  readonly ownerAfter: string | null;
  readonly state: string;
  readonly revision: number;
  /** Digests of what was written, when tokens were; of the access token only where it is kept. */
  readonly credential: { readonly refreshDigest: string; readonly accessDigest: string | null } | null;
}

export interface TokenEvidence {
  /** Whose grant at the provider it is: the owner of its tokens there. */
  readonly owner: string;
  /** Of one row, in order. */
  readonly journal: readonly JournalEntry[];
  /** The provider's, by digest of the refresh token. */
  readonly log: ReadonlyMap<string, IssuedToken>;
  /** Processes that ended by SIGKILL. */
  readonly killed: ReadonlySet<string>;
  /** Since when the row says that its token is spent and its successor lost. */
  readonly givenUpAt: number;
  readonly say: (problem: string) => void;
}
export interface TokenHistory {
  /** When each token was committed, in that order. */
  readonly commits: ReadonlyMap<IssuedToken, number>;
  /** Refreshes that ended with their process, by when they began. */
  readonly abandonedAt: readonly number[];
  /** When a fault kept a question from its answer: those, and presentations that failed or whose answer is unheard. */
  readonly hinderedAt: readonly number[];
  readonly isUnheard: (presentation: Presentation) => boolean;
}

/**
 * Holds everything the database committed in one row against everything the provider saw, token by token, by digest.
 * No time window excuses anything: a presentation belongs to the refresh that held the lock when it arrived, and its
 * answer counts as **unheard** only if it never came, or if that refresh never left its lock and its process was
 * killed.
 *
 * 1. What is committed is the successor of what was committed before, of the same owner, with the access token it was
 *    issued with: nothing is skipped, and nothing goes back.
 * 2. A refresh token is presented only after it was committed.
 * 3. A spent token is presented again only while every answer that carried its successor is unheard, never after the
 *    successor was committed, and never after the grant was given up. In one refresh a token is presented once, once
 *    more when an answer was cut, and once more when it was refused (the second look): three times at most.
 */
export function judgeTokens({ owner, journal, log, killed, givenUpAt, say }: TokenEvidence): TokenHistory {
  const refreshes = refreshesOf(journal);
  const commits = commitsOf(journal, log, owner, say);
  const isUnheard = (presentation: Presentation): boolean => {
    const refresh = refreshes.findLast(({ from }) => from <= presentation.at);
    return presentation.isAnswerCut || (refresh !== undefined && !refresh.left && killed.has(refresh.process));
  };
  const tokens = [...log.values()].filter((token) => token.owner === owner);
  for (const token of tokens) judgePresentations(token, { commits, refreshes, isUnheard, givenUpAt, say });
  const hindered = tokens
    .flatMap(({ presentations }) => presentations)
    .filter((presentation) => presentation.outcome === 'unavailable' || isUnheard(presentation));
  const abandonedAt = refreshes.filter(({ left, process }) => !left && killed.has(process)).map(({ from }) => from);
  return { commits, abandonedAt, hinderedAt: [...abandonedAt, ...hindered.map(({ at }) => at)], isUnheard };
}

/** From taking the lock to leaving it; `left` stays false when the process died, or lost the lock. */
interface Refresh {
  readonly process: string;
  readonly from: number;
  readonly owner: string;
  left: boolean;
}

function refreshesOf(journal: readonly JournalEntry[]): Refresh[] {
  const refreshes: Refresh[] = [];
  for (const { ownerBefore, ownerAfter, process, at } of journal) {
    if (ownerAfter !== null && ownerAfter !== ownerBefore)
      refreshes.push({ process, from: at, owner: ownerAfter, left: false });
    const before =
      ownerBefore !== null && ownerAfter === null
        ? refreshes.findLast(({ owner }) => owner === ownerBefore)
        : undefined;
    if (before) before.left = true;
  }
  return refreshes;
}

/** Rule 1. When each token was committed, in that order. */
function commitsOf(
  journal: readonly JournalEntry[],
  log: TokenEvidence['log'],
  owner: string,
  say: (what: string) => void,
): Map<IssuedToken, number> {
  const commits = new Map<IssuedToken, number>();
  let previous: IssuedToken | undefined;
  for (const { credential, at } of journal) {
    if (!credential) continue;
    const token = log.get(credential.refreshDigest);
    if (!token) {
      say('a token was stored that was never issued');
      continue;
    }
    if (token.owner !== owner) say(`a credential of ${token.owner} was stored`);
    if (credential.accessDigest !== null && token.accessDigest !== credential.accessDigest)
      say('tokens were stored that do not belong together');
    if (previous && previous.successor !== token) say('what was stored is not the successor of what was stored before');
    commits.set(token, at);
    previous = token;
  }
  return commits;
}

/** Those after the one that it was granted for. */
export const repeatsOf = ({ presentations }: IssuedToken): Presentation[] => {
  const granted = presentations.findIndex(({ outcome }) => outcome === 'granted');
  return granted < 0 ? [] : presentations.slice(granted + 1).filter(({ outcome }) => outcome !== 'unavailable');
};

interface Surroundings {
  readonly commits: ReadonlyMap<IssuedToken, number>;
  readonly refreshes: readonly Refresh[];
  readonly isUnheard: (presentation: Presentation) => boolean;
  readonly givenUpAt: number;
  readonly say: (what: string) => void;
}

/** Rules 2 and 3. */
function judgePresentations(token: IssuedToken, { commits, refreshes, isUnheard, givenUpAt, say }: Surroundings): void {
  const first = token.presentations[0];
  if (first && first.at < (commits.get(token) ?? Number.POSITIVE_INFINITY))
    say('a token was presented before it was stored');
  const succeededAt = (token.successor && commits.get(token.successor)) ?? Number.POSITIVE_INFINITY;
  for (const repeat of repeatsOf(token)) {
    const earlier = token.presentations.filter(
      (one) => one !== repeat && one.at <= repeat.at && (one.outcome === 'granted' || one.outcome === 'repeated'),
    );
    if (repeat.at > succeededAt) say('a token was presented after its successor was stored');
    else if (!earlier.every(isUnheard)) say('a token was spent twice although its answer came');
  }
  const perRefresh = Map.groupBy(token.presentations, ({ at }) => refreshes.findLast(({ from }) => from <= at));
  if ([...perRefresh.values()].some(isTooOften)) say('a token was presented too often in one refresh');
  if (perRefresh.has(undefined)) say('a token was presented without the lock');
  if (token.presentations.some(({ at }) => at > givenUpAt)) say('a token was presented after its grant was given up');
}

/** One repeat after a lost answer, one second look at a refusal. */
function isTooOften(presentations: readonly Presentation[]): boolean {
  const before = presentations.slice(0, -1);
  const cut = before.filter(({ isAnswerCut }) => isAnswerCut).length;
  const refused = before.filter(
    ({ isAnswerCut, outcome }) => !isAnswerCut && (outcome === 'refused' || outcome === 'mistaken'),
  ).length;
  return cut > 1 || refused > 1 || cut + refused < before.length;
}
