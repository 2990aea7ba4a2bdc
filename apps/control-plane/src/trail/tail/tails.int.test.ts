import { openAdminStream, serverSentEvents } from '@sallyport/admin-api/events';
import type { AuditEvent } from '@sallyport/audit';
import { connectStatements, type Statements } from '@sallyport/database';
import { Secret } from '@sallyport/kernel';
import { createInProcessMessaging } from '@sallyport/messaging';
import { eventually } from '@sallyport/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ADMIN_TOKEN } from '../../test/test-config.js';
import { writeDeployment } from '../../test/write-deployment.js';
import { PostgresEventWriter } from '../event-writer.js';

const { start, databaseUrl } = writeDeployment();
let statements: Statements;
let aborted: AbortController;
let written: number;
beforeEach(() => {
  statements = connectStatements(databaseUrl(), 1);
  [aborted, written] = [new AbortController(), 0];
});
afterEach(async () => {
  aborted.abort();
  await statements.close();
});

async function record(count: number, part: Partial<AuditEvent> = {}): Promise<void> {
  const events = Array.from({ length: count }, (): AuditEvent => {
    const id = `evt_${++written}`;
    return { id, type: 'mcp.response', at: written, replica: 'gateway-1', detail: {}, ...part };
  });
  await new PostgresEventWriter({ statements, replica: 'control-plane-x', clock: Date.now }).append(events);
}

const open = (url: string, query: Record<string, string>, lastEventId?: string) =>
  openAdminStream(
    { url, token: new Secret(ADMIN_TOKEN) },
    'listEvents',
    { query },
    { accept: 'text/event-stream', lastEventId, signal: aborted.signal },
  );

/** Ids of calls, as long as `count` of them are not there; `seen` has the id of each event of the stream. */
async function take(url: string, count: number, query: Record<string, string>, lastEventId?: string) {
  const [ids, seen]: [string[], string[]] = [[], []];
  for await (const { id, data } of serverSentEvents(
    await open(url, { type: 'mcp.*', ...query }, lastEventId),
    30_000,
  )) {
    if (data !== '') ids.push((JSON.parse(data) as { id: string }).id);
    seen.push(id ?? '');
    if (ids.length >= count) break;
  }
  return { ids, last: seen.at(-1) };
}
const ids = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => `evt_${from + at}`);

describe('a tail of the trail', () => {
  test('has each event once and in order, at any control plane, and goes on where it broke off (R77)', async () => {
    const [first, second] = [
      await start(),
      await start(null, { replica: 'control-plane-2' }, createInProcessMessaging()),
    ];
    await record(700);
    const before = await take(second.url, 400, { after: '0' });
    const had = before.ids.length;
    expect(before.ids).toEqual(ids(1, had));
    const rest = take(first.url, 1_000 - had, { after: '0' }, before.last);
    await record(150);
    await record(150);
    expect((await rest).ids).toEqual(ids(had + 1, 1_000));
  });

  test('begins with what comes next, and has only what its filter lets through (R77)', async () => {
    const { url } = await start();
    await record(5, { server: 'notes' });
    const stream = await open(url, { server: 'notes', type: 'mcp.*' });
    const events = serverSentEvents(stream, 30_000);
    expect((await events.next()).value).toMatchObject({ data: '' });
    await record(2, { server: 'crm' });
    await record(1, { server: 'notes' });
    const next = await events.next();
    expect(JSON.parse(next.value?.data ?? '')).toMatchObject({ id: 'evt_8', sequence: Number(next.value?.id) });
    await events.return();
  });

  test('is told when the control plane ends, which waits for no reader (R77)', async () => {
    const { url, service } = await start();
    const events = serverSentEvents(await open(url, {}), 30_000);
    await events.next();
    const began = performance.now();
    const [ended] = await Promise.all([events.next(), service.close()]);
    expect(performance.now() - began).toBeLessThan(4_000); // after 5 s connections are cut
    expect(ended.value).toMatchObject({ event: 'end', data: '{"reason":"stopping"}' });
    expect(await events.next()).toMatchObject({ done: true });
  });

  test('is one of eight that an administrator may have; one that is left makes room (S33)', async () => {
    const { url } = await start();
    const leave = new AbortController();
    const one = (signal: AbortSignal) =>
      openAdminStream(
        { url, token: new Secret(ADMIN_TOKEN) },
        'listEvents',
        { query: {} },
        { accept: 'text/event-stream', signal },
      );
    await one(leave.signal);
    for (let more = 1; more < 8; more++) await one(aborted.signal);
    await expect(one(aborted.signal)).rejects.toMatchObject({
      status: 429,
      problem: { type: 'urn:sallyport:problem:too-many-tails' },
    });
    leave.abort();
    await eventually(() => one(aborted.signal));
  });

  test('goes forward only', async () => {
    const { url } = await start();
    await expect(open(url, { before: '7' })).rejects.toMatchObject({ status: 400 });
  });
});
