import { PassThrough, Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { openStdout } from './stdout-sink.js';

const batch = [1, 2].map((n) => ({ id: `evt_${n}`, at: n, type: 'x', severity: 'info' as const, body: `{"n":${n}}` }));

test('a line for each event goes to standard output (R78)', async () => {
  const out = new PassThrough();
  expect(await openStdout(out).deliver(batch, new AbortController().signal)).toMatchObject({ type: 'taken' });
  expect(String(out.read())).toBe('{"n":1}\n{"n":2}\n');
});
test('a pipe that is closed has taken nothing', async () => {
  const closed = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error(), { code: 'EPIPE' })),
  });
  closed.on('error', () => undefined);
  expect(await openStdout(closed).deliver(batch, new AbortController().signal)).toMatchObject({
    type: 'unavailable',
    taken: 0,
    reason: 'stdout_epipe',
  });
});
