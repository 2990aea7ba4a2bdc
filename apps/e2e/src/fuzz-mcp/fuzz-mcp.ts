import type { McpCase, McpFacts } from './mcp-case.js';
import { judgeMcpAnswer } from './judge-mcp-answer.js';
import { makeMcpCase } from './make-mcp-case.js';
import { sendMcpCase } from './send-mcp-case.js';

export interface McpFuzzRun {
  readonly seed: number;
  /** Cases `first` … `first + cases - 1`. */
  readonly first: number;
  readonly cases: number;
  readonly gateway: URL;
  /** Called before every so many cases: tokens expire, and cases end sessions. */
  readonly facts: () => Promise<McpFacts>;
  readonly onProgress?: (done: number) => void;
}
export interface McpFuzzFailure {
  readonly index: number;
  readonly reason: string;
  readonly sent: McpCase;
}
export interface McpFuzzReport {
  readonly cases: number;
  readonly failures: readonly McpFuzzFailure[];
  /** How many answers per status; `closed` for connections that ended without one. */
  readonly statuses: Readonly<Record<string, number>>;
}

const CASES_PER_SIGN_IN = 5_000;
const AT_ONCE = 24;
const MOST_FAILURES = 20;

/** Sends every case to `/mcp` and judges every answer; stops early after many failures. */
export async function fuzzMcp({ seed, first, cases, gateway, facts, onProgress }: McpFuzzRun): Promise<McpFuzzReport> {
  const failures: McpFuzzFailure[] = [];
  const statuses: Record<string, number> = {};
  let done = 0;
  for (let from = first; from < first + cases && failures.length < MOST_FAILURES; from += CASES_PER_SIGN_IN) {
    const current = await facts();
    const until = Math.min(from + CASES_PER_SIGN_IN, first + cases);
    let next = from;
    const sendCases = async (): Promise<void> => {
      while (next < until && failures.length < MOST_FAILURES) {
        const index = next++;
        const sent = makeMcpCase(seed, index, current);
        const answer = await sendMcpCase(gateway, sent);
        const status = answer.type === 'answered' ? String(answer.status) : 'closed';
        statuses[status] = (statuses[status] ?? 0) + 1;
        done += 1;
        const reason = judgeMcpAnswer(sent, answer, current);
        if (reason !== undefined) failures.push({ index, reason, sent });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, sendCases));
    onProgress?.(done);
  }
  return { cases: done, failures: failures.toSorted((one, other) => one.index - other.index), statuses };
}
