import { personOf } from './identity-provider.js';
import { judgeTokens, repeatsOf, type TokenHistory } from './judge-tokens.js';
import type { SignInEntry } from './sign-in-journal.js';
import type { IssuedToken } from './single-use-provider.js';

/** One sign-in as the database has it at the end. Times are milliseconds since the epoch. */
export interface ObservedSignIn {
  readonly id: string;
  readonly journal: readonly SignInEntry[];
  readonly createdAt: number;
  readonly confirmedAt: number;
  /** The sessions of agents that came of it. */
  readonly agents: readonly {
    readonly sid: string;
    readonly endedAt: number | undefined;
    readonly reason: string | undefined;
  }[];
}

/** What an agent was told at a refresh other than its next tokens. */
export interface Refusal {
  readonly sid: string;
  readonly at: number;
  readonly status: number;
  readonly error: string;
  /** What the error says in words. */
  readonly description: string;
}

export interface SignInEvidence {
  readonly signIns: readonly ObservedSignIn[];
  /** The provider's, by digest of the refresh token. */
  readonly log: ReadonlyMap<string, IssuedToken>;
  /** When each person left, in the provider's books. */
  readonly dismissedAt: ReadonlyMap<string, number>;
  readonly refusals: readonly Refusal[];
  /** Processes that ended by SIGKILL. */
  readonly killed: ReadonlySet<string>;
  /** For how long the provider answers a repeat with the same successor. */
  readonly graceMs: number;
  readonly recheckMs: number;
  readonly toleratedMs: number;
  /** When faults and kills had ended. */
  readonly calmAt: number;
  readonly judgedAt: number;
}

export interface SignInVerdict {
  readonly signIns: number;
  readonly rotations: number;
  /** Presentations of a token that was spent already. */
  readonly repeats: number;
  /** Questions that ended with their process, and were taken over. */
  readonly abandoned: number;
  /** Sign-ins whose next refresh token never came. */
  readonly lost: number;
  /**
   * People who left, and from then until the last of their agents was out: the longest, where no answer had been lost.
   */
  readonly dismissed: number;
  readonly slowestEndMs: number;
  readonly problems: readonly string[];
}

export const LOST = 'an answer of the identity provider was lost, and with it what it is asked again with';
const AWAY = 'the identity provider cannot be reached now: try again later';
/**
 * Until the next question after one that a fault hindered: a provider is waited for ten seconds, whoever died holds a
 * sign-in for eight, and the background looks five after its last look, which one that hangs prolongs by ten
 * (decision 0016).
 */
export const PROMISED_MS = 10_000 + 8_000 + 5_000 + 10_000;
/** After a fault an open question is asked again: a lock of eight seconds, a look of five, and a busy machine. */
const ASKED_AGAIN_MS = 20_000;
/** Between what an agent read and when we noted it: a sign-in may have been waited for. */
const READING_MS = 5_000;

/**
 * Holds the sign-ins against the provider's log by the rules of {@link judgeTokens}, and four more:
 * 4. A sign-in is *lost* only if an answer about its last token is unheard. With a grace nothing is lost as long as its
 *    person is there, unless faults hindered question after question until the grace was over.
 * 5. An agent session ends only if its person left, or if its own sign-in is lost and the provider's last yes is older
 *    than is tolerated. An agent is refused only then, and told to come back later only when that yes is older than is
 *    tolerated.
 * 6. Whoever left is out within `recheckEvery` and what is promised, counted from the last fault that kept us from
 *    hearing of it; of a lost sign-in, once its last yes is older than tolerated.
 * 7. What stands at the end was confirmed when all was calm again.
 */
export function judgeSignIns(evidence: SignInEvidence): SignInVerdict {
  const { signIns, log, dismissedAt, killed } = evidence;
  const problems: string[] = [];
  let [lost, abandoned, slowestEndMs] = [0, 0, 0];
  for (const signIn of signIns) {
    const say = (what: string): void => void problems.push(`${signIn.id}: ${what}`);
    const owner = log.get(signIn.journal.find(({ credential }) => credential)?.credential?.refreshDigest ?? '')?.owner;
    if (owner === undefined) {
      say('no token of it was ever issued');
      continue;
    }
    const givenUpAt = lostAt(signIn.journal);
    const history = judgeTokens({ owner, journal: signIn.journal, log, killed, givenUpAt, say });
    const leftAt = dismissedAt.get(personOf(owner));
    const isLost = givenUpAt < Number.POSITIVE_INFINITY;
    if (isLost) judgeLoss({ givenUpAt, history, leftAt, graceMs: evidence.graceMs, say });
    judgeEnds(signIn, { evidence, givenUpAt, leftAt, hinderedAt: history.hinderedAt, say });
    judgeRefusals(signIn, evidence, say);
    lost += isLost ? 1 : 0;
    abandoned += history.abandonedAt.length;
    if (leftAt !== undefined && !isLost)
      for (const { endedAt = 0 } of signIn.agents) slowestEndMs = Math.max(slowestEndMs, endedAt - leftAt);
  }
  const tokens = [...log.values()];
  return {
    signIns: signIns.length,
    rotations: tokens.filter(({ successor }) => successor).length,
    repeats: tokens.reduce((sum, token) => sum + repeatsOf(token).length, 0),
    abandoned,
    lost,
    dismissed: dismissedAt.size,
    slowestEndMs,
    problems,
  };
}

/** Since when it says that its token is lost, where it got none after that. */
function lostAt(journal: readonly SignInEntry[]): number {
  const stored = journal.findLastIndex(({ credential }) => credential !== null);
  return journal.slice(stored + 1).find(({ state }) => state === 'lost')?.at ?? Number.POSITIVE_INFINITY;
}

/** Rule 4. */
function judgeLoss({
  givenUpAt,
  history: { commits, hinderedAt, abandonedAt, isUnheard },
  leftAt = Number.POSITIVE_INFINITY,
  graceMs,
  say,
}: {
  givenUpAt: number;
  history: TokenHistory;
  leftAt: number | undefined;
  graceMs: number;
  say: (what: string) => void;
}): void {
  const [token, committedAt = 0] = [...commits].at(-1) ?? [];
  const presentations = token?.presentations ?? [];
  const isDoubtful =
    presentations.some(isUnheard) || abandonedAt.some((from) => from >= committedAt && from <= givenUpAt);
  if (!isDoubtful) say('is lost although every answer came');
  if (leftAt <= givenUpAt) return;
  if (!token?.successor) say('is lost although its token was never spent');
  const spentAt = presentations.find(({ outcome }) => outcome === 'granted')?.at ?? givenUpAt;
  const hindered = hinderedAt.filter((at) => at >= spentAt && at <= spentAt + graceMs);
  const silentSince = Math.max(spentAt, ...hindered);
  // Somebody had the time to ask once more.
  if (graceMs > 0 && silentSince + ASKED_AGAIN_MS <= spentAt + graceMs)
    say('is lost although the provider allows a repeat');
}

/** Rules 5 to 7. */
function judgeEnds(
  { agents, createdAt, confirmedAt }: ObservedSignIn,
  {
    evidence: { recheckMs, toleratedMs, calmAt, judgedAt },
    givenUpAt,
    leftAt = Number.POSITIVE_INFINITY,
    hinderedAt,
    say,
  }: {
    evidence: SignInEvidence;
    givenUpAt: number;
    leftAt: number | undefined;
    hinderedAt: readonly number[];
    say: (what: string) => void;
  },
): void {
  const isLost = givenUpAt < Number.POSITIVE_INFINITY;
  const toleratedUntil = confirmedAt + toleratedMs;
  const dueAt = isLost ? Math.max(toleratedUntil, givenUpAt) : Math.max(leftAt, createdAt);
  const outBy = Math.max(dueAt, ...hinderedAt) + recheckMs + PROMISED_MS;
  for (const { endedAt, reason = '' } of agents) {
    if (endedAt === undefined) {
      if (judgedAt > outBy) say(`stands ${judgedAt - outBy} ms longer than it may`);
      continue;
    }
    if (endedAt > outBy) say(`ended ${endedAt - outBy} ms later than it may`);
    if (endedAt >= leftAt) continue;
    if (!isLost || reason !== LOST) say(`was signed out though the provider knows its person: ${reason}`);
    else if (endedAt < toleratedUntil) say('was signed out before its last yes was older than is tolerated');
  }
  const isOver = isLost || leftAt < Number.POSITIVE_INFINITY || agents.every(({ endedAt }) => endedAt !== undefined);
  if (!isOver && confirmedAt < calmAt) say('was not confirmed when all was calm again');
}

/** Rule 5, as agents see it. */
function judgeRefusals(
  { agents, journal }: ObservedSignIn,
  { refusals, toleratedMs }: SignInEvidence,
  say: (what: string) => void,
): void {
  for (const { sid, at, status, error, description } of refusals) {
    const agent = agents.find((one) => one.sid === sid);
    if (!agent) continue;
    if (status === 503 && description === AWAY) {
      const yesAt = journal.findLast((entry) => entry.at < at - READING_MS)?.confirmedAt ?? 0;
      if (at - yesAt < toleratedMs - READING_MS) say('was told to come back later within what is tolerated');
    } else if (status === 400 && error === 'invalid_grant') {
      if (agent.endedAt === undefined || agent.endedAt > at) say('was refused a refresh while its session stands');
    } else if (status !== 503) say(`was answered ${status} ${error}`);
  }
}
