import type { Answered } from '@sallyport/admin-api';
import type { Command } from 'commander';
import { act, type Context, type Run } from '../context.js';
import { EXIT } from '../exit-code.js';
import { printable } from '../terminal/printable.js';
import type { Style } from '../terminal/paint.js';

type Verified = Answered<'verify'>;
type Step = Verified['steps'][number];

/** The check takes up to half a minute; its answer must have the time to arrive. */
const TIMEOUT_MS = 60_000;

export function addVerifyCommand(program: Command, run: Run): void {
  program
    .command('verify')
    .description('Check the whole deployment step by step: for each failure its cause, and what mends it')
    .option('--hardening', 'Check how the deployment is set up instead')
    .option('--all', 'Print the steps that passed one by one as well')
    .action(
      act<[], { hardening?: true; all?: true }>(run, async (context, { options }) => {
        const { output } = context;
        output.progress('checking the deployment, up to 30 seconds');
        const verified = await (
          await context.client()
        ).verify({ query: options.hardening === true ? { hardening: 'true' } : {} }, { timeoutMs: TIMEOUT_MS });
        for (const step of verified.steps) output.record('step', step);
        if (output.isJson) output.record('verified', { ...verified, steps: undefined });
        else show(context, verified, options.all === true);
        return verified.counts.failed > 0 ? EXIT.failed : EXIT.done;
      }),
    );
}

const MARKS: Readonly<Record<string, readonly [mark: string, style: Style]>> = {
  passed: ['✓', 'green'],
  failed: ['✗', 'red'],
  warned: ['!', 'yellow'],
  skipped: ['–', 'dim'],
};

function show({ output }: Context, { steps, counts, tookMs }: Verified, isAll: boolean): void {
  const width = Math.max(0, ...steps.map(({ step }) => step.length));
  for (const step of steps.filter(({ status }) => isAll || status !== 'passed')) {
    for (const line of linesOf(step, width, (status, text) => output.paint(MARKS[status]?.[1], text))) output.say(line);
  }
  if (!isAll) for (const line of passed(steps)) output.say(`${output.paint('green', '✓')} ${line}`);
  output.say();
  const parts = Object.entries(counts).flatMap(([name, count]) => (count === 0 ? [] : [`${count} ${name}`]));
  output.say(`${parts.join(', ') || 'nothing to check'}, in ${(tookMs / 1_000).toFixed(1)} s.`);
}

function linesOf(step: Step, width: number, paint: (status: string, text: string) => string): string[] {
  const { status, subject, detail, fix } = step;
  const what = [step.step.padEnd(width), subject, detail].map(printable).filter((one) => one.trim() !== '');
  return [
    `${paint(status, MARKS[status]?.[0] ?? '?')} ${what.join('  ')}`,
    ...(fix === null ? [] : [`  ${' '.repeat(width)}  → ${printable(fix)}`]),
  ];
}

/** What passed, a line for each check: `server: McpServer/notes, McpServer/whoami`. */
function passed(steps: readonly Step[]): string[] {
  const subjects = new Map<string, string[]>();
  for (const { step, subject, status } of steps)
    if (status === 'passed') subjects.set(step, [...(subjects.get(step) ?? []), subject]);
  return [...subjects].map(([step, of]) => `${step}: ${[...new Set(of)].map(printable).join(', ')}`);
}
