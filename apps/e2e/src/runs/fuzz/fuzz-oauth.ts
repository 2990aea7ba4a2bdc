import { Client, errors, Pool } from 'undici';
import type { FuzzFacts, FuzzRequest } from './fuzz-request.js';
import { judgeAnswer, type FuzzAnswer } from './judge-answer.js';
import { makeRequest } from './make-request.js';
import { runCases } from './run-cases.js';
import type { FuzzReport, FuzzRun } from './run-cases.js';

const AT_ONCE = 32;
/** Silence for this long is a defect; a machine that is busy takes seconds to answer so many at once. */
const HANG_MS = 60_000;

/** Mutated requests to the authorization server of the facts. */
export const fuzzOauth = (run: FuzzRun<FuzzFacts>): Promise<FuzzReport<FuzzRequest, FuzzAnswer>> =>
  runCases<FuzzFacts, FuzzRequest, FuzzAnswer>(run, {
    casesPerSignIn: 2_500,
    atOnce: AT_ONCE,
    makeCase: makeRequest,
    open({ issuer }) {
      const pool = new Pool(issuer, { connections: AT_ONCE, headersTimeout: HANG_MS, bodyTimeout: HANG_MS });
      return { send: (request) => sendOrRepeat(pool, issuer, request), close: () => pool.close() };
    },
    statusOf: (answer) => (answer.type === 'answered' ? String(answer.status) : 'closed'),
    judge: judgeAnswer,
  });

/**
 * A connection may be closed under a request by the refusal of the one before it; on a connection of its own it may
 * not.
 */
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
    const response = await connection.request({
      method: request.method,
      path: request.path,
      headers: request.headers.flat(),
      body: request.body ?? null,
      signal: AbortSignal.timeout(2 * HANG_MS),
    });
    return {
      type: 'answered',
      status: response.statusCode,
      headers: response.headers,
      body: await response.body.text(),
    };
  } catch (error) {
    if (
      error instanceof errors.HeadersTimeoutError ||
      error instanceof errors.BodyTimeoutError ||
      (error instanceof Error && error.name === 'TimeoutError')
    )
      return { type: 'timed-out' };
    return { type: 'failed', reason: String(error) };
  }
}
