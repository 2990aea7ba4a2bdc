import { createLogger, createMetrics } from '@sallyport/telemetry';
import { eventually } from '@sallyport/testing';
import { expect, test } from 'vitest';
import { mergeExpositions } from './merge-expositions.js';
import { SupervisedWorker, type SupervisedWorkerOptions, type WorkerListener } from './supervised-worker.js';
import type { WorkerQuestion, WorkerReport } from './worker-messages.js';

/** A worker's process without the process. */
class FakeProcess {
  readonly pid = 7;
  readonly signals: string[] = [];
  readonly asked: WorkerQuestion[] = [];

  constructor(readonly listener: WorkerListener) {}

  send(question: WorkerQuestion): void {
    this.asked.push(question);
  }

  kill(signal: string): void {
    this.signals.push(signal);
  }

  say(report: WorkerReport): void {
    this.listener.heard(report);
  }
}

function supervise(options: Partial<SupervisedWorkerOptions> = {}) {
  const forked: FakeProcess[] = [];
  const lines: string[] = [];
  const worker = new SupervisedWorker({
    number: 2,
    fork: (_number, listener) => {
      const process = new FakeProcess(listener);
      forked.push(process);
      return process;
    },
    logger: createLogger({ name: 'test', level: 'info', destination: { write: (line) => void lines.push(line) } }),
    firstPauseMs: 1,
    ...options,
  });
  const newest = () => forked.at(-1) ?? expect.fail('nothing was forked');
  return { worker, forked, lines, newest };
}

/** Answers the next question of the supervisor. */
async function answer(process: FakeProcess, about: (id: number) => WorkerReport): Promise<void> {
  const asked = await eventually(() => process.asked.at(-1));
  process.say(about(asked.id));
}

test('a worker is as ready as it says, and not ready while it does not run', async () => {
  const { worker, newest } = supervise();
  const started = worker.start();
  expect(await worker.readiness()).toEqual({ status: 'not-ready', reasons: ['it does not run: it is starting'] });
  newest().say({ type: 'running' });
  await started;
  const asked = worker.readiness();
  await answer(newest(), (id) => ({ type: 'readiness', id, readiness: { status: 'degraded', reasons: ['late'] } }));
  expect(await asked).toEqual({ status: 'degraded', reasons: ['late'] });
});

test('a worker that does not answer is not ready, and has no metrics', async () => {
  const { worker, newest } = supervise({ answerMs: 1 });
  const started = worker.start();
  newest().say({ type: 'running' });
  await started;
  expect(await worker.readiness()).toEqual({ status: 'not-ready', reasons: ['it does not answer'] });
  expect(await worker.metrics()).toBeUndefined();
});

test('a worker that ends while it runs is started again, and said to be not ready with the reason until then', async () => {
  const { worker, forked, lines, newest } = supervise({ firstPauseMs: 60_000 });
  const started = worker.start();
  newest().say({ type: 'running' });
  await started;
  newest().listener.ended('SIGKILL');
  expect(await worker.readiness()).toEqual({
    status: 'not-ready',
    reasons: ['it does not run: it ended (SIGKILL)'],
  });
  expect(lines.join()).toMatch(/"worker":2.*it ended \(SIGKILL\).*a worker ended: it is started again/);
  expect(forked.length).toBe(1);
  await worker.stop();
});

test('a worker that cannot start again is tried again after longer and longer pauses, and its own words are the reason', async () => {
  const { worker, forked, lines, newest } = supervise();
  const started = worker.start();
  newest().say({ type: 'running' });
  await started;
  newest().listener.ended('SIGKILL');
  for (const attempt of [2, 3]) {
    await eventually(() => forked.length === attempt);
    newest().say({ type: 'failed', why: 'The key is gone.' });
    newest().listener.ended('exit code 1');
  }
  expect(await worker.readiness()).toMatchObject({ reasons: ['it does not run: The key is gone.'] });
  expect(lines.map((line) => (JSON.parse(line) as { againInMs: number }).againInMs)).toEqual([1, 2, 4]);
  await eventually(() => forked.length === 4);
  newest().say({ type: 'running' });
  expect(worker.isRunning).toBe(true);
});

test('a first start that fails is an error with the reason the worker gave', async () => {
  const { worker, newest } = supervise({ firstPauseMs: 60_000 });
  const started = worker.start();
  newest().say({ type: 'failed', why: 'The key is gone.' });
  newest().listener.ended('exit code 1');
  await expect(started).rejects.toMatchObject({
    code: 'worker_failed',
    message: 'Worker 2 could not start: The key is gone.',
  });
  await worker.stop();
});

test('a worker that is stopped ends by a signal, is killed when it does not, and is not started again', async () => {
  const { worker, forked, newest } = supervise({ stopMs: 1 });
  const started = worker.start();
  newest().say({ type: 'running' });
  await started;
  const stopped = worker.stop();
  expect(newest().signals).toEqual(['SIGTERM']);
  await eventually(() => newest().signals.includes('SIGKILL'));
  newest().listener.ended('SIGKILL');
  await stopped;
  await new Promise((resolve) => setImmediate(resolve));
  expect(forked.length).toBe(1);
});

test('a stop before the first start is over is no failure of the start', async () => {
  const { worker, newest } = supervise();
  const started = worker.start();
  const stopped = worker.stop();
  newest().listener.ended('exit code 0');
  await stopped;
  await expect(started).rejects.toMatchObject({ name: 'AbortError' });
});

test('metrics of several processes are one exposition, each sample with its worker, each metric once', async () => {
  const exposed = async (calls: number) => {
    const metrics = createMetrics();
    metrics.counter('sallyport.calls', 'Calls.').bind({ method: 'tools/call', note: 'a } "b"' }).add(calls);
    metrics.gauge('sallyport.open', 'Open.', () => 1);
    return await metrics.exposition();
  };
  const merged = mergeExpositions([
    { text: '# HELP own Own.\n# TYPE own gauge\nown 5\n' },
    { worker: 1, text: await exposed(3) },
    { worker: 2, text: await exposed(4) },
  ]);
  const lines = merged.split('\n');
  expect(lines).toContain('own 5');
  expect(lines.filter((line) => line.startsWith('# TYPE sallyport_calls_total'))).toHaveLength(1);
  const calls = lines.flatMap((line, index) => (line.startsWith('sallyport_calls_total{') ? [{ line, index }] : []));
  expect(calls.map(({ line }) => line)).toEqual([
    expect.stringMatching(/^sallyport_calls_total\{worker="1",.*method="tools\/call".*\} 3$/),
    expect.stringMatching(/^sallyport_calls_total\{worker="2",.*method="tools\/call".*\} 4$/),
  ]);
  expect((calls[1]?.index ?? 0) - (calls[0]?.index ?? 0)).toBe(1); // a metric's samples stand together
  expect(lines.filter((line) => /^sallyport_open\{worker="[12]".*\} 1$/.test(line))).toHaveLength(2);
});
