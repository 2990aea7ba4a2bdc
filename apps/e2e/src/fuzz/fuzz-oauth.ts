import { Client, errors, Pool } from 'undici';
import type { FuzzFacts, FuzzRequest } from './fuzz-request.js';
import { judgeAnswer, type FuzzAnswer } from './judge-answer.js';
import { makeRequest } from './make-request.js';

export interface FuzzRun {
  readonly seed: number;
  /** Cases `first` … `first + cases - 1`. */
  readonly first: number;
  readonly cases: number;
  /** Called before every so many cases: a sign-in wears off, since cases redeem, refresh and revoke. */
  readonly facts: () => Promise<FuzzFacts>;
  readonly onProgress?: (done: number) => void;
}
export interface FuzzFailure {
  readonly index: number;
  readonly reason: string;
  readonly request: FuzzRequest;
}
export interface FuzzReport {
  readonly cases: number;
  readonly failures: readonly FuzzFailure[];
  /** How many answers per status; `closed` for connections that ended without one. */
  readonly statuses: Readonly<Record<string, number>>;
}

const CASES_PER_SIGN_IN = 2_500;
const AT_ONCE = 32;
const HANG_MS = 15_000;
const MOST_FAILURES = 20;

/** Sends every case to the authorization server of the facts and judges every answer; stops early after many failures. */
export async function fuzzOauth({ seed, first, cases, facts, onProgress }: FuzzRun): Promise<FuzzReport> {
  const failures: FuzzFailure[] = [];
  const statuses: Record<string, number> = {};
  let done = 0;
  for (let from = first; from < first + cases && failures.length < MOST_FAILURES; from += CASES_PER_SIGN_IN) {
    const current = await facts();
    const pool = new Pool(current.issuer, { connections: AT_ONCE, headersTimeout: HANG_MS, bodyTimeout: HANG_MS });
    const until = Math.min(from + CASES_PER_SIGN_IN, first + cases);
    let next = from;
    const sendCases = async (): Promise<void> => {
      while (next < until && failures.length < MOST_FAILURES) {
        const index = next++;
        const request = makeRequest(seed, index, current);
        const answer = await sendOrRepeat(pool, current.issuer, request);
        const status = answer.type === 'answered' ? String(answer.status) : 'closed';
        statuses[status] = (statuses[status] ?? 0) + 1;
        done += 1;
        const reason = judgeAnswer(request, answer, current);
        if (reason !== undefined) failures.push({ index, reason, request });
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, sendCases));
    await pool.close();
    onProgress?.(done);
  }
  return { cases: done, failures: failures.toSorted((one, other) => one.index - other.index), statuses };
}

/** A connection may be closed under a request by the refusal of the one before it; on a connection of its own it may not. */
async function sendOrRepeat(pool: Pool, issuer: string, request: FuzzRequest): Promise<FuzzAnswer> {
  const answer = await send(pool, request);
  if (answer.type !== 'failed') return answer;
  const alone = new Client(issuer, { headersTimeout: HANG_MS, bodyTimeout: HANG_MS });
  try {
    return await send(alone, request);
  } finally {
    await alone.destroy();
  }
}

async function send(connection: Client | Pool, request: FuzzRequest): Promise<FuzzAnswer> {
  try {
    const response = await connection.request({ method: request.method, path: request.path, headers: request.headers.flat(), body: request.body ?? null, signal: AbortSignal.timeout(2 * HANG_MS) });
    return { type: 'answered', status: response.statusCode, headers: response.headers, body: await response.body.text() };
  } catch (error) {
    if (error instanceof errors.HeadersTimeoutError || error instanceof errors.BodyTimeoutError || (error instanceof Error && error.name === 'TimeoutError')) return { type: 'timed-out' };
    return { type: 'failed', reason: String(error) };
  }
}
