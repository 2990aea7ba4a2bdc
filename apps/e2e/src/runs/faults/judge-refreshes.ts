import { judgeTokens, repeatsOf, type JournalEntry } from './judge-tokens.js';
import type { IssuedToken, Presentation } from './single-use-provider.js';

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

/**
 * Holds the connections against the provider's log by the rules of {@link judgeTokens}, and two more:
 * 4. An access token is leased only if it was committed, to its user.
 * 5. At the end a connection is `connected` with a token that is good, committed when all was calm again; or it is
 *    *lost*: the committed token is spent, the answer with its successor is unheard, and it says `needs_reconnect`.
 *    With a grace nothing may be lost.
 */
export function judgeRefreshes(evidence: Evidence): Verdict {
  const { connections, log, leased, killed } = evidence;
  const problems: string[] = [];
  const committed = new Map<string, Set<string>>();
  let [lost, abandoned] = [0, 0];
  for (const { userId, journal } of connections) {
    const say = (what: string): void => void problems.push(`${userId}: ${what}`);
    const givenUpAt = journal.find(({ state }) => state === 'needs_reconnect')?.at ?? Number.POSITIVE_INFINITY;
    const { commits, abandonedAt, isUnheard } = judgeTokens({ owner: userId, journal, log, killed, givenUpAt, say });
    committed.set(userId, new Set([...commits.keys()].map(({ accessDigest }) => accessDigest)));
    abandoned += abandonedAt.length;
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

/** Rule 5. @returns whether it is lost, as a number */
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
