import { setTimeout as pause } from 'node:timers/promises';
import { SallyportError } from '@sallyport/kernel';
import { Pool } from 'undici';
import { whatIsWrong } from './check-answers.js';
import type { McpRequest } from './mcp-request.js';

const AT_ONCE = 8;
const ATTEMPTS = 6;
const PAUSE_MS = 500;
const MOST_TOLD = 3;

/**
 * Sends every request once and checks every answer: whatever a subject remembers, it remembers afterwards. A wrong
 * answer is asked for again, later each time: thousands of first calls at once may be told to come back.
 * @returns how many were asked for again
 */
export async function primeWith(
  origin: string,
  requests: readonly McpRequest[],
  { attempts = ATTEMPTS } = {},
): Promise<number> {
  const pool = new Pool(origin, { connections: AT_ONCE, pipelining: 1 });
  const wrong: string[] = [];
  const waiting = requests.values();
  let repeated = 0;
  const send = async (): Promise<void> => {
    for (const request of waiting) {
      let seen = await whatIsWrong(pool, request);
      for (let attempt = 1; seen !== undefined && attempt < attempts; attempt++) {
        repeated += 1;
        await pause(PAUSE_MS * attempt);
        seen = await whatIsWrong(pool, request);
      }
      if (seen !== undefined) wrong.push(seen);
      if (wrong.length >= MOST_TOLD) return;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, send));
  await pool.close();
  if (wrong.length > 0)
    throw new SallyportError('bench_wrong_answers', `${origin} does not answer as asked: ${wrong.join('; ')}`);
  return repeated;
}
