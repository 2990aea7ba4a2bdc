import { SallyportError } from '@sallyport/kernel';
import { LOADED } from './load-trail.js';

const DAY_MS = 86_400_000;
const LAST = { user: LOADED.users - 1, agent: LOADED.agents - 1, server: LOADED.servers - 1 };

/** What is asked of the trail, by what it is about: names that are frequent, rare and of nobody. */
export const QUESTIONS: Readonly<Record<string, readonly string[]>> = {
  type: ['type=mcp.response', 'type=mcp.*', 'type=token.issued', 'type=token.*,user.signed_out'],
  user: ['userId=usr_0', `userId=usr_${LAST.user}`, 'userId=usr_none'],
  agent: [0, LAST.agent, 'none'].map((agent) => `clientId=https://agents.example/${agent}/client.json`),
  session: ['sid=ses_0_0', `sid=ses_${LAST.user}_${LAST.agent}`, 'sid=ses_none'],
  server: ['server=server-0', `server=server-${LAST.server}`, 'server=none'],
  tool: ['tool=tool_0', `tool=tool_19&server=server-${LAST.server}`, 'tool=none'],
  outcome: ['outcome=success', 'outcome=denied,failure', 'outcome=pending'],
  policy: ['policy=engineers', `policy=server-${LAST.server}-for-engineers`, 'policy=none'],
  trace: ['traceId=c4ca4238a0b923820dcc509a6f75849b', 'traceId=none'],
  'user and tool': ['userId=usr_3&tool=tool_1', 'userId=usr_1999&tool=tool_19&outcome=failure'],
  text: ['text=person', 'text=server+number+49', 'text=nobody+of+this+name'],
};

/** What is counted. */
export const COUNTS: Readonly<Record<string, readonly string[]>> = {
  'all of a day': ['', '&step=1h', '&step=5m'],
  'by agent': ['&by=agent', '&by=agent&step=1h', '&by=agent&step=5m&limit=10'],
  'by server': ['&by=server', '&by=server&step=1h', '&by=server&outcome=denied'],
  'by tool': [
    '&by=tool&limit=100',
    '&by=tool&server=server-0&step=1h',
    '&by=tool&clientId=https://agents.example/3/client.json',
  ],
};

export interface Asked {
  readonly what: string;
  readonly times: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly worst: string;
}

/** The time that is asked about: a day, half of it, an hour, each up to now. */
const spans = () =>
  [DAY_MS, DAY_MS / 2, DAY_MS / 24].map((ms) => {
    const [from, to] = [Date.now() - ms, Date.now()].map((at) => new Date(at).toISOString());
    return `from=${from}&to=${to}`;
  });

export interface Api {
  readonly url: string;
  readonly token: string;
}

/** @returns whether it was answered; what takes longer than a statement may is not */
async function ask({ url, token }: Api, path: string): Promise<boolean> {
  const response = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
  const body: unknown = await response.json();
  if (response.status === 503) return false;
  if (!response.ok)
    throw new SallyportError('bench_load_failed', `${path}: ${response.status} ${JSON.stringify(body)}`);
  return true;
}

/** Asks one after the other, each question of each time so many times; none any more once one was not answered. */
export async function measure(
  api: Api,
  what: string,
  path: string,
  questions: readonly string[],
  rounds: number,
): Promise<Asked> {
  const took: { ms: number; question: string }[] = [];
  for (let round = 0; round < rounds; round++)
    for (const span of spans())
      for (const question of questions) {
        const began = performance.now();
        const isAnswered = await ask(
          api,
          `${path}?${span}${question.startsWith('&') || question === '' ? '' : '&'}${question}`,
        );
        if (!isAnswered) return { what, times: took.length, p50Ms: Infinity, p95Ms: Infinity, worst: question };
        took.push({ ms: performance.now() - began, question });
      }
  took.sort((a, b) => a.ms - b.ms);
  const at = (part: number) => Math.round(took[Math.ceil(part * took.length) - 1]?.ms ?? Number.NaN);
  return { what, times: took.length, p50Ms: at(0.5), p95Ms: at(0.95), worst: took.at(-1)?.question ?? '' };
}
