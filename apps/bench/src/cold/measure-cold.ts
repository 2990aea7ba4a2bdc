import { percentile, spreadOf, type Spread } from '../report/percentile.js';
import { startDistributedProduct } from '../subjects/product.js';
import type { BenchServer } from '../subjects/subject.js';
import { timeGateway, timeStandalone } from './cold-starts.js';
import { timeFirstCalls, timeFirstLists, timeTokens } from './first-answers.js';

/** Milliseconds. */
export interface ColdFigures {
  /** `npm start` on an empty folder, and on its data. */
  readonly standaloneFirst: number;
  readonly standalone: Spread;
  /** A gateway with 500 servers and 10,000 policies. */
  readonly gateway500x10000: Spread;
  readonly leaseMissP50: number;
  readonly leaseMissP99: number;
  readonly tokenIssueP50: number;
  readonly tokenIssueP99: number;
  /** A user's first list of 500 tools at ten servers, and how long the slowest of these takes. */
  readonly list500P95: number;
  readonly slowestServer: number;
  /** First calls and lists that were not answered as asked. */
  readonly wrong: readonly string[];
}

const SLOWEST_MS = 250;
const SERVERS = 10;
const TOOLS_EACH = 50;
const FIRST_CALLS = 300;
const FIRST_LISTS = 40;
const TOKENS = 200;

/** Ten servers, one slower than the other, that list for each user anew. */
const slowServers: readonly BenchServer[] = Array.from({ length: SERVERS }, (_, index) => ({
  name: `part-${index + 1}`,
  era: 'modern',
  tools: TOOLS_EACH,
  listDelayMs: (SLOWEST_MS / SERVERS) * (index + 1),
}));
/** Its first call asks for a list of its tools, too: one that waits for nothing, so that the lease is what is timed. */
const prompt: BenchServer = { name: 'prompt', era: 'modern' };
const much = {
  servers: Array.from({ length: 500 }, (_, index): BenchServer => ({ name: `server-${index}`, era: 'modern' })),
  furtherPolicies: 9_500,
};

/** What starts, and what is asked for the first time. */
export async function measureCold(upstream: string, times: number, say: (line: string) => void): Promise<ColdFigures> {
  const { first, again } = await timeStandalone(times);
  say(
    `cold: standalone is ready after ${again.map(Math.round).join(', ')} ms; the first time after ${Math.round(first)}`,
  );
  const gateway = await timeGateway(much, upstream, times);
  say(`cold: a gateway with 500 servers and 10,000 policies after ${gateway.map(Math.round).join(', ')} ms`);
  const product = await startDistributedProduct({ servers: [prompt, ...slowServers], upstream });
  try {
    const last = slowServers.at(-1)?.name ?? '';
    const sorted = (values: readonly number[]) => values.toSorted((a, b) => a - b);
    const firstCalls = await timeFirstCalls(product, prompt, FIRST_CALLS);
    const firstLists = await timeFirstLists(product, product.toolName(last, `tool-${TOOLS_EACH}`), FIRST_LISTS);
    const [calls, lists] = [sorted(firstCalls.took), sorted(firstLists.took)];
    const tokens = sorted(await timeTokens(product, TOKENS));
    return {
      standaloneFirst: first,
      standalone: spreadOf(again),
      gateway500x10000: spreadOf(gateway),
      leaseMissP50: percentile(calls, 0.5),
      leaseMissP99: percentile(calls, 0.99),
      tokenIssueP50: percentile(tokens, 0.5),
      tokenIssueP99: percentile(tokens, 0.99),
      list500P95: percentile(lists, 0.95),
      slowestServer: SLOWEST_MS,
      wrong: [...firstCalls.wrong, ...firstLists.wrong],
    };
  } finally {
    await product.stop();
  }
}
