/** Cases `first` … `first + cases - 1` of the run `seed`. */
export interface FuzzRun<Facts> {
  readonly seed: number;
  readonly first: number;
  readonly cases: number;
  /**
   * Called before every so many cases: tokens expire, and cases redeem, revoke and end what valid requests are made of.
   */
  readonly facts: () => Promise<Facts>;
  readonly onProgress?: (done: number) => void;
}

/** What is fuzzed: how a case is made, sent and judged. */
export interface FuzzTarget<Facts, Case, Answer> {
  readonly casesPerSignIn: number;
  readonly atOnce: number;
  makeCase(seed: number, index: number, facts: Facts): Case;
  /** A way to send cases, for one sign-in. */
  open(facts: Facts): { send(sent: Case): Promise<Answer>; close(): Promise<void> };
  /** The status for the tally; `closed` for a connection that ended without an answer. */
  statusOf(answer: Answer): string;
  /** Why nobody must be given this answer; undefined when it may be given. */
  judge(sent: Case, answer: Answer, facts: Facts): string | undefined;
}

export interface FuzzFailure<Case, Answer> {
  readonly index: number;
  readonly reason: string;
  readonly sent: Case;
  readonly answer: Answer;
}

export interface FuzzReport<Case, Answer> {
  readonly cases: number;
  readonly failures: readonly FuzzFailure<Case, Answer>[];
  /** How many answers per status. */
  readonly statuses: Readonly<Record<string, number>>;
}

const MOST_FAILURES = 20;

/** Sends every case and judges every answer; stops early after many failures. */
export async function runCases<Facts, Case, Answer>(
  { seed, first, cases, facts, onProgress }: FuzzRun<Facts>,
  target: FuzzTarget<Facts, Case, Answer>,
): Promise<FuzzReport<Case, Answer>> {
  const failures: FuzzFailure<Case, Answer>[] = [];
  const statuses: Record<string, number> = {};
  let done = 0;
  for (let from = first; from < first + cases && failures.length < MOST_FAILURES; from += target.casesPerSignIn) {
    const current = await facts();
    const connection = target.open(current);
    const until = Math.min(from + target.casesPerSignIn, first + cases);
    let next = from;
    const sendCases = async (): Promise<void> => {
      while (next < until && failures.length < MOST_FAILURES) {
        const index = next++;
        const sent = target.makeCase(seed, index, current);
        const answer = await connection.send(sent);
        const status = target.statusOf(answer);
        statuses[status] = (statuses[status] ?? 0) + 1;
        done += 1;
        const reason = target.judge(sent, answer, current);
        if (reason !== undefined) failures.push({ index, reason, sent, answer });
      }
    };
    await Promise.all(Array.from({ length: target.atOnce }, sendCases));
    await connection.close();
    onProgress?.(done);
  }
  return { cases: done, failures: failures.toSorted((one, other) => one.index - other.index), statuses };
}
