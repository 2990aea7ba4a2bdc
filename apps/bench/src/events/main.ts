import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { SallyportError } from '@sallyport/kernel';
import { startEventDeployment } from './event-deployment.js';
import { secondsOfTree } from './processor-time.js';
import { write } from './write-apart.js';
import { WriteOrder, writeRecords } from './write-records.js';

/**
 * What the trail costs, from a gateway's spool to the row in PostgreSQL, with a real bus and a real database, each a
 * process of its own. Linux only: it reads processor time from `/proc`.
 *
 *     node apps/bench/dist/events/main.js [--rate 5000] [--seconds 15]
 */
async function bench(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: { rate: { type: 'string', default: '5000' }, seconds: { type: 'string', default: '15' } },
  });
  const load = { perSecond: Number(values.rate), seconds: Number(values.seconds) };
  const deployment = await startEventDeployment();
  const { pids, writer, storedRows, newest } = deployment;
  const usedBy = () => Object.entries(pids).map(([name, pid]) => [name, secondsOfTree(pid)] as const);
  try {
    // A moment of the same, so that nobody compiles while it counts.
    await write({ ...writer, perSecond: 1_000, seconds: 3, to: 'stream' });
    const made = await write({ ...writer, ...load, to: 'none' });
    while ((await storedRows()) < 6_000) await pause(100);
    const [newestBefore, rowsBefore] = [await newest(), await storedRows()];
    const [before, began] = [usedBy(), performance.now()];
    const writing = write({ ...writer, ...load, to: 'stream' });
    const { records, refused, seconds, cpuSeconds } = await writing;
    let [last, changedAt] = [await newest(), performance.now()];
    while (last < newestBefore + 2 * (records - refused) && performance.now() - changedAt < 60_000) {
      await pause(20);
      const now = await newest();
      if (now !== last) changedAt = performance.now();
      last = now;
    }
    const after = new Map(usedBy());
    if ((await storedRows()) < rowsBefore + 2 * (records - refused))
      throw new SallyportError('bench_load_failed', `Not all calls were stored:\n${deployment.output()}`);
    const took = (changedAt - began) / 1000;
    const each = (used: number) => `${((used / records) * 1_000_000).toFixed(1)} µs`;
    const lines = [
      `${records} calls in ${seconds.toFixed(1)} s (${refused} refused), all stored ${(took - seconds).toFixed(1)} s later: ` +
        `${Math.round(records / took)} calls/s from the first to the last row`,
      'processor time of each call:',
      `  gateway, record and ship: ${each(cpuSeconds - made.cpuSeconds)}`,
      ...before.map(([name, used]) => `  ${name}: ${each((after.get(name) ?? 0) - used)}`),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
  } finally {
    await deployment.stop();
  }
}

const [order = ''] = process.argv.slice(2);
if (order.startsWith('{'))
  process.stdout.write(JSON.stringify(await writeRecords(WriteOrder.parse(JSON.parse(order)))));
else await bench(process.argv.slice(2));
