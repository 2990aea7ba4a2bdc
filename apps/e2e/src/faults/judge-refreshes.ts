import type { IssuedToken } from './single-use-provider.js';

/** A connection as it is stored when all is over. */
export interface StoredConnection {
  readonly owner: string;
  readonly state: string;
  readonly refreshToken: string | null;
  readonly accessToken: string;
}

export interface Verdict {
  readonly lost: number;
  readonly rotations: number;
  readonly replays: number;
  readonly problems: readonly string[];
}

/**
 * Holds what we stored against the provider's log. A token that is stored and spent is a loss, and may be one only when
 * its successor went missing on the way: cut by the provider, or in flight when a process of ours was killed.
 * @param killedAt when a process was killed, milliseconds since the epoch
 */
export function judgeRefreshes(connections: readonly StoredConnection[], log: ReadonlyMap<string, IssuedToken>, { killedAt, graceMs }: { killedAt: readonly number[]; graceMs: number }): Verdict {
  const problems: string[] = [];
  const predecessor = new Map([...log.values()].flatMap((token) => (token.successor ? [[token.successor, token] as const] : [])));
  let lost = 0;
  for (const { owner, state, refreshToken, accessToken } of connections) {
    const stored = log.get(refreshToken ?? '');
    if (!stored) {
      problems.push(`${owner}: the stored token was never issued`);
      continue;
    }
    if (stored.owner !== owner || stored.accessToken !== accessToken) problems.push(`${owner}: holds a credential of ${stored.owner}`);
    if (stored.successor) {
      lost += 1;
      if (state !== 'needs_reconnect') problems.push(`${owner}: lost, and shown as ${state}`);
      if (graceMs > 0) problems.push(`${owner}: lost although the provider allows a repeat`);
      if (!stored.isAnswerLost && !killedAt.some((at) => at >= stored.spentAt - IN_FLIGHT_MS && at <= stored.spentAt + IN_FLIGHT_MS)) problems.push(`${owner}: lost without a cut answer or a killed process`);
    } else if (state !== 'connected') problems.push(`${owner}: works, and is shown as ${state}`);
    // What came before the stored token was committed with a successor: from then on it is never shown again.
    for (let token = predecessor.get(stored); token; token = predecessor.get(token)) {
      const committedBy = token.successor?.spentAt || Number.POSITIVE_INFINITY;
      for (const at of token.replays) {
        if (at > committedBy) problems.push(`${owner}: a token was presented after its successor`);
        else if (at - token.spentAt > graceMs) problems.push(`${owner}: a token was presented again outside the grace`);
      }
    }
  }
  const all = [...log.values()];
  return { lost, rotations: all.filter(({ successor }) => successor).length, replays: all.reduce((sum, { replays }) => sum + replays.length, 0), problems };
}

/** The provider's answer, ours to store it: longer than both. */
const IN_FLIGHT_MS = 5_000;
