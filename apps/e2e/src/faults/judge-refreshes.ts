import type { IssuedToken, Presentation } from './single-use-provider.js';

/** A write of one connection as the database noted it: a lock that was taken or left, a credential, a state. */
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
  /** Digests of what was written, when a credential was. */
  readonly credential: { readonly refreshDigest: string; readonly accessDigest: string } | null;
}

export interface Evidence {
  readonly connections: readonly { readonly userId: string; readonly journal: readonly JournalEntry[] }[];
  /** The provider's, by digest of the refresh token. */
  readonly log: ReadonlyMap<string, IssuedToken>;
  /** What gateways were given, for whom. */
  readonly leased: readonly { readonly userId: string; readonly accessDigest: string }[];
  /** Processes that ended by SIGKILL. */
  readonly killed: ReadonlySet<string>;
  /** For how long the provider answers a repeat with the same successor. */
  readonly graceMs: number;
  /** When faults and kills had ended, milliseconds since the epoch. */
  readonly calmAt: number;
}

export interface Verdict {
  readonly lost: number;
  readonly rotations: number;
  /** Presentations of a token that was spent already. */
  readonly repeats: number;
  /** Refreshes that ended with their process, and were taken over. */
  readonly abandoned: number;
  readonly problems: readonly string[];
}

/** From taking the lock to leaving it; `left` stays false when the process died, or lost the lock. */
interface Refresh {
  readonly process: string;
  readonly from: number;
  readonly owner: string;
  left: boolean;
}

/**
 * Holds everything the database committed against everything the provider saw, token by token, by digest. No time window
 * excuses anything: a presentation belongs to the refresh that held the lock when it arrived, and its answer counts as
 * **unheard** only if the provider cut it, or if that refresh never left its lock and its process was killed.
 *
 * For each connection:
 * 1. What is committed is the successor of what was committed before, of the same user, with the access token it was issued with:
 *    nothing is skipped, and nothing goes back.
 * 2. A refresh token is presented only after it was committed; an access token is leased only if it was committed, to its user.
 * 3. A spent token is presented again only while every answer that carried its successor is unheard, never after the successor
 *    was committed, and never after the grant was given up. In one refresh a token is presented once, once more when
 *    an answer was cut, and once more when it was refused (the second look): three times at most.
 * 4. At the end it is `connected` with a token that is good, committed when all was calm again; or it is *lost*: the committed
 *    token is spent, the answer with its successor is unheard, and it says `needs_reconnect`. With a grace nothing may be lost.
 */
export function judgeRefreshes(evidence: Evidence): Verdict {
  const { connections, log, leased, killed } = evidence;
  const problems: string[] = [];
  const tokensOf = Map.groupBy(log.values(), ({ owner }) => owner);
  const committed = new Map<string, Set<string>>();
  let [lost, abandoned] = [0, 0];
  for (const { userId, journal } of connections) {
    const say = (what: string): void => void problems.push(`${userId}: ${what}`);
    const refreshes = refreshesOf(journal);
    const commits = commitsOf(journal, log, userId, say);
    const isUnheard = (presentation: Presentation): boolean => {
      const refresh = refreshes.findLast(({ from }) => from <= presentation.at);
      return presentation.isAnswerCut || (refresh !== undefined && !refresh.left && killed.has(refresh.process));
    };
    committed.set(userId, new Set([...commits.keys()].map(({ accessDigest }) => accessDigest)));
    abandoned += refreshes.filter(({ left, process }) => !left && killed.has(process)).length;
    for (const token of tokensOf.get(userId) ?? [])
      judgePresentations(token, {
        commits,
        refreshes,
        isUnheard,
        givenUpAt: journal.find(({ state }) => state === 'needs_reconnect')?.at ?? Number.POSITIVE_INFINITY,
        say,
      });
    lost += judgeEnd(journal, [...commits].at(-1), isUnheard, evidence, say);
  }
  for (const { userId, accessDigest } of leased)
    if (!committed.get(userId)?.has(accessDigest))
      problems.push(`${userId}: was leased a credential that is not theirs, or was not stored`);
  const tokens = [...log.values()];
  return {
    lost,
    rotations: tokens.filter(({ successor }) => successor).length,
    repeats: tokens.reduce((sum, token) => sum + repeatsOf(token).length, 0),
    abandoned,
    problems,
  };
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
  log: Evidence['log'],
  userId: string,
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
    if (token.owner !== userId) say(`a credential of ${token.owner} was stored`);
    if (token.accessDigest !== credential.accessDigest) say('tokens were stored that do not belong together');
    if (previous && previous.successor !== token) say('what was stored is not the successor of what was stored before');
    commits.set(token, at);
    previous = token;
  }
  return commits;
}

/** Those after the one that it was granted for. */
const repeatsOf = ({ presentations }: IssuedToken): Presentation[] => {
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

/** Rule 4. @returns whether it is lost, as a number */
function judgeEnd(
  journal: readonly JournalEntry[],
  last: [IssuedToken, number] | undefined,
  isUnheard: (presentation: Presentation) => boolean,
  { graceMs, calmAt }: Evidence,
  say: (what: string) => void,
): number {
  const state = journal.at(-1)?.state ?? 'missing';
  const [token, at] = last ?? [];
  if (!token?.successor) {
    if (state !== 'connected') say(`is ${state} although its token was never spent`);
    else if (at === undefined || at < calmAt) say('was not refreshed when all was calm again');
    return 0;
  }
  if (state !== 'needs_reconnect') say(`is lost, and shown as ${state}`);
  if (graceMs > 0) say('is lost although the provider allows a repeat');
  if (!token.presentations.filter(({ outcome }) => outcome === 'granted' || outcome === 'repeated').every(isUnheard))
    say('is lost although the answer came');
  return 1;
}
