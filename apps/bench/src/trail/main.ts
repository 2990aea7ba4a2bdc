import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startEventDeployment } from '../events/event-deployment.js';
import { write } from '../events/write-apart.js';
import { COUNTS, measure, QUESTIONS, type Asked } from './ask-trail.js';
import { loadTrail } from './load-trail.js';

/**
 * Asks a large trail as administrators do, and stores calls in it meanwhile, through a real control plane:
 *
 *     npm run trail -- [--events 1000000] [--rate 3000] [--seconds 5] [--rounds 3]
 *
 * It ends with 1 where the 95th percentile of a kind of question takes longer than it may.
 */
const MOST_MS = 300;

const say = (line: string) => void process.stdout.write(`${line}\n`);
const report = ({ what, times, p50Ms, p95Ms, worst }: Asked) =>
  say(
    `  ${p95Ms > MOST_MS ? '✗' : ' '} ${what.padEnd(16)} p50 ${p50Ms} ms, p95 ${p95Ms} ms of ${times}; longest: ${worst}`,
  );

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '1000000' },
    rate: { type: 'string', default: '3000' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
  },
});
const events = Number(values.events);
const deployment = await startEventDeployment(async (url) => {
  say(`${events} events of a day, loaded in ${(await loadTrail(url, events)).toFixed(0)} s`);
});
/** @returns calls a second, from the first record to the last row */
async function storeCalls(): Promise<number> {
  const { writer, newest } = deployment;
  const [before, began] = [await newest(), performance.now()];
  const order = { perSecond: Number(values.rate), seconds: Number(values.seconds), to: 'stream' } as const;
  const { records, refused } = await write({ ...writer, ...order });
  while ((await newest()) < before + 2 * (records - refused)) await pause(50);
  return Math.round((records - refused) / ((performance.now() - began) / 1000));
}

try {
  say(`stored besides: ${await storeCalls()} calls/s, of ${values.rate} that were made`);
  const asked: Asked[] = [];
  for (const [kinds, path] of [
    [QUESTIONS, '/v1/events'],
    [COUNTS, '/v1/events/stats'],
  ] as const) {
    say(`GET ${path}`);
    for (const [what, questions] of Object.entries(kinds)) {
      const one = await measure(deployment.api, what, path, questions, Number(values.rounds));
      report(one);
      asked.push(one);
    }
  }
  const slow = asked.filter(({ p95Ms }) => p95Ms > MOST_MS);
  say(
    slow.length === 0
      ? `✓ all within ${MOST_MS} ms`
      : `✗ longer than ${MOST_MS} ms: ${slow.map(({ what }) => what).join(', ')}`,
  );
  process.exitCode = slow.length === 0 ? 0 : 1;
} finally {
  await deployment.stop();
}
