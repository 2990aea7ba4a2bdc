import { durationMs } from '@sallyport/kernel';
import { InvalidArgumentError, Option, type Command } from 'commander';

/** Options that say which events, as commander has them. */
export interface FilterOptions {
  readonly since?: string;
  readonly until?: string;
  readonly type?: string;
  readonly user?: string;
  readonly agent?: string;
  readonly server?: string;
  readonly tool?: string;
  readonly outcome?: string;
  readonly policy?: string;
  readonly session?: string;
  readonly trace?: string;
  readonly search?: string;
}

const OUTCOMES = ['success', 'failure', 'denied', 'pending'];
const MOMENT = 'such as 2h, 7d, today, yesterday, 2026-11-30 or 2026-11-30T09:40:00Z';

/** Adds the filters of the trail. */
export const filtered = (command: Command): Command =>
  command
    .addOption(new Option('--since <moment>', `Happened since then, ${MOMENT}`).argParser(checkedMoment))
    .addOption(new Option('--until <moment>', 'Happened before then').argParser(checkedMoment))
    .option('--type <types>', 'Of these types, such as mcp.request,token.* (a * at the end stands for anything)')
    .option('--user <id>', 'Of one user (usr_…)')
    .option('--agent <clientId>', 'Of one agent')
    .option('--server <name>', 'At one server')
    .option('--tool <name>', 'Of one tool, as the server names it')
    .addOption(new Option('--outcome <outcome>', 'What came of it').choices(OUTCOMES))
    .option('--policy <name>', 'A policy decided, at one hop or the other')
    .option('--session <id>', 'Of one agent session (ses_…)')
    .option('--trace <id>', 'Of one trace')
    .option('--search <text>', 'In the name of the user or the agent, the title of the server, or the tool');

/** The same for the API. @param now milliseconds since the epoch: what `2h` counts back from */
export const filterOf = (given: FilterOptions, now: number) => ({
  from: given.since === undefined ? undefined : momentOf(given.since, now),
  to: given.until === undefined ? undefined : momentOf(given.until, now),
  type: given.type,
  userId: given.user,
  clientId: given.agent,
  server: given.server,
  tool: given.tool,
  outcome: given.outcome,
  policy: given.policy,
  sid: given.session,
  traceId: given.trace,
  text: given.search,
});

/** For options. */
export function checkedMoment(text: string): string {
  if (momentOf(text, 0) === undefined) throw new InvalidArgumentError(`Write a moment ${MOMENT}.`);
  return text;
}

const DAY_MS = 86_400_000;

/** Days begin at midnight UTC, as all moments that are printed are UTC. @returns ISO 8601, or `undefined` for none */
export function momentOf(text: string, now: number): string | undefined {
  const isoOf = (at: number) => (Number.isNaN(new Date(at).getTime()) ? undefined : new Date(at).toISOString());
  const today = now - (now % DAY_MS);
  if (text === 'now') return isoOf(now);
  if (text === 'today') return isoOf(today);
  if (text === 'yesterday') return isoOf(today - DAY_MS);
  const back = durationMs(text);
  if (back !== undefined) return isoOf(now - back);
  const isDate = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/.test(text);
  return isDate ? isoOf(Date.parse(text)) : undefined;
}
