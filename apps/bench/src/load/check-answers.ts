import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'undici';
import type { McpRequest } from './mcp-request.js';

export interface Checked {
  readonly checked: number;
  /** What came instead of a true answer, a few of them. */
  readonly wrong: readonly string[];
  readonly errors: number;
}

const MOST_KEPT = 3;

/** Sends requests one by one beside the load and reads the answers to their ends, until it is stopped. */
export function checkAnswers(
  origin: string,
  requests: readonly McpRequest[],
  { everyMs = 50 } = {},
): { stop(): Promise<Checked> } {
  const pool = new Pool(origin, { connections: 1, pipelining: 1 });
  const wrong: string[] = [];
  let [checked, errors, stopped] = [0, 0, false];
  const work = (async () => {
    while (!stopped) {
      const request = requests[checked % requests.length];
      if (request === undefined) return;
      const seen = await whatIsWrong(pool, request);
      checked += 1;
      if (seen !== undefined) {
        errors += 1;
        if (wrong.length < MOST_KEPT) wrong.push(seen);
      }
      await pause(everyMs);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await work;
      if (!pool.closed) await pool.close();
      return { checked, wrong, errors };
    },
  };
}

/** @returns what is wrong with the answer, if anything is. */
export async function whatIsWrong(
  pool: Pool,
  { path, headers, body, expected }: McpRequest,
): Promise<string | undefined> {
  try {
    const answer = await pool.request({ method: 'POST', path, headers, body });
    const text = await answer.body.text();
    if (answer.statusCode === 200 && text.includes(expected) && !text.includes('"isError":true')) return undefined;
    return `${answer.statusCode} ${text.slice(0, 300)}`;
  } catch (error) {
    return String(error);
  }
}
