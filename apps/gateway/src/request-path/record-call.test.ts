import type { AppendOptions } from '@sallyport/event-spool';
import { EventTally, SallyportError } from '@sallyport/kernel';
import type { CallRecord } from '@sallyport/messages';
import { createLogger } from '@sallyport/telemetry';
import { describe, expect, test } from 'vitest';
import { jsonAnswer } from '../protocol/exchange.js';
import { recordCalls } from './record-call.js';
import type { CallRecorder } from './record-call.js';
import type { CallContent } from '../call/call-content.js';
import type { CallFacts } from '../call/call-notes.js';

/** As the spool reserves it, without what it adds: the writer and its number. */
const ROOM_BYTES = 8 * 1024 - 128;
const end = { receivedAt: 1, durationMs: 1, httpStatus: 200, address: '192.0.2.1' };
const room = { release: () => undefined };

function recorder({ burst = 60, fails = false } = {}) {
  const appended: { record: CallRecord & { callId?: string }; options: AppendOptions }[] = [];
  const lines: string[] = [];
  const append: CallRecorder['append'] = (json, options, done) => {
    appended.push({ record: JSON.parse(json) as CallRecord, options });
    done(fails ? new SallyportError('event_spool_failed', 'The event spool could not write.') : undefined);
  };
  const logger = createLogger({
    name: 'test',
    level: 'info',
    destination: { write: (line: string) => void lines.push(line) },
  });
  return { appended, lines, append, refusals: new EventTally({ clock: () => 0, burst }), replica: 'gateway-1', logger };
}
const ran: CallFacts = {
  userId: 'usr_alice',
  decision: 'allow',
  method: 'tools/call',
  room,
  withheld: (id) => jsonAnswer(200, { ran: id }),
};

test.each([
  ['a long URI', 'x'.repeat(100_000)],
  ['one of characters that JSON writes in six bytes each', '\u0001'.repeat(100_000)],
  ['one beyond ASCII, half a pair at every place it could be cut', '😀'.repeat(50_000)],
])(
  'a record fits into the room that was set aside for it, whatever an agent and a server named: %s (R74)',
  async (_what, text) => {
    const made = recorder();
    const names = [
      'trustProvider',
      'clientId',
      'agentName',
      'sid',
      'protocolVersion',
      'method',
      'server',
      'target',
      'reason',
      'connectionId',
      'traceId',
    ];
    const texts = Object.fromEntries(names.map((name) => [name, text]));
    const numbers = { requestBytes: 2 ** 53 - 1, upstreamMs: 9_999_999_999.999, errorCode: -32_768, isToolError: true };
    await recordCalls(made, [{ ...ran, ...texts, ...numbers }], { ...end, address: 'f'.repeat(64) });
    const written = JSON.stringify(made.appended[0]?.record);
    expect(Buffer.byteLength(written)).toBeLessThan(ROOM_BYTES);
    expect(made.appended[0]?.record.target?.endsWith('…')).toBe(true);
    await recordCalls(made, [{ ...ran, target: `note://${'y'.repeat(1_500)}` }], end);
    expect(made.appended[1]?.record.target).toBe(`note://${'y'.repeat(1_500)}`);
  },
);

describe('a record that cannot be written', () => {
  test('is in the log, and the client of a call that ran hears so under its name; what was refused is answered as it is (R74)', async () => {
    const made = recorder({ fails: true });
    const withheld = await recordCalls(made, [ran, { ...ran, decision: 'deny' }], end);
    const ids = made.appended.map(({ record }) => record.id);
    expect(withheld).toEqual([jsonAnswer(200, { ran: ids[0] })]);
    expect(made.lines.map((line) => (JSON.parse(line) as { record: CallRecord }).record.id)).toEqual(ids);
  });
  test('of a refusal that came before there was room is counted, without a line for each (S33)', async () => {
    const made = recorder({ fails: true });
    for (let i = 0; i < 3; i++)
      expect(
        await recordCalls(made, [{ userId: 'usr_alice', decision: 'deny', reason: 'not-ready:event_spool_full' }], end),
      ).toEqual([]);
    expect([made.lines, made.refusals.take('all')]).toEqual([
      [],
      [{ of: 'mcp.request', reason: 'not-ready:event_spool_full', count: 3, from: 0, to: 0, addresses: ['192.0.2.1'] }],
    ]);
  });
});

test('whoever is not known yields to calls, and is summed up beyond a rate; whoever is known is not (S33)', async () => {
  const made = recorder({ burst: 1 });
  for (let i = 0; i < 3; i++) {
    await recordCalls(made, [{ decision: 'unauthenticated', reason: 'no_token' }], end);
    await recordCalls(made, [ran], end);
  }
  expect(made.appended.map(({ options }) => options.yields)).toEqual([true, false, false, false]);
  expect(made.refusals.take('all').map(({ count }) => count)).toEqual([2]);
});

test('the content of a call goes behind its record without room of its own, and is counted where it finds none (S30, S32)', async () => {
  const content = { said: { level: 'full', arguments: '{}' } } as CallContent;
  const made = recorder();
  await recordCalls(made, [{ ...ran, content }], end);
  expect(
    made.appended.map(({ record, options: { room, yields } }) => [record.type, room !== undefined, yields]),
  ).toEqual([
    ['mcp.call', true, false],
    ['mcp.content', false, true],
  ]);
  expect(made.appended[1]?.record).toMatchObject({ callId: made.appended[0]?.record.id, level: 'full' });
  expect(made.appended[0]?.record).not.toHaveProperty('content');
  const failing = recorder({ fails: true });
  await recordCalls(failing, [{ ...ran, content }], end);
  expect(failing.refusals.take('all')).toMatchObject([{ of: 'mcp.content', count: 1 }]);
});
