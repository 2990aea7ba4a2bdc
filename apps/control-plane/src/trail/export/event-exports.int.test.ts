import { EXPORT_TYPES, openAdminStream, type EventExport } from '@sallyport/admin-api/events';
import type { AuditEvent } from '@sallyport/audit';
import { connectStatements, type Statements } from '@sallyport/database';
import { Secret } from '@sallyport/kernel';
import { createInProcessMessaging } from '@sallyport/messaging';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ADMIN_TOKEN } from '../../test/test-config.js';
import { writeDeployment, type Administered } from '../../test/write-deployment.js';
import { PostgresEventWriter } from '../event-writer.js';

const { start, database, databaseUrl } = writeDeployment();
let statements: Statements;
let written: number;
beforeEach(() => {
  statements = connectStatements(databaseUrl(), 1);
  written = 0;
});
afterEach(() => statements.close());

async function record(count: number, part: Partial<AuditEvent> = {}): Promise<void> {
  const events = Array.from({ length: count }, (): AuditEvent => {
    const id = `evt_${++written}`;
    return { id, type: 'mcp.response', at: Date.now(), replica: 'gateway-1', detail: {}, ...part };
  });
  await new PostgresEventWriter({ statements, replica: 'control-plane-x', clock: Date.now }).append(events);
}

const make = async ({ call }: Administered, body: object, headers = {}): Promise<EventExport> => {
  const made = await call('POST', '/v1/event-exports', body, headers);
  expect(made.status).toBe(201);
  return made.body as EventExport;
};
const calls = { type: 'mcp.*' };

const open = ({ url }: Pick<Administered, 'url'>, { id, format }: EventExport, after?: number) =>
  openAdminStream(
    { url, token: new Secret(ADMIN_TOKEN) },
    'downloadEventExport',
    { params: { id }, query: { after: after === undefined ? undefined : String(after) } },
    { accept: EXPORT_TYPES[format], signal: AbortSignal.timeout(60_000) },
  );
const textOf = async (stream: ReadableStream<Uint8Array>): Promise<string> => await new Response(stream).text();
const eventsIn = (text: string) =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { id: string; sequence: number });
const ids = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => `evt_${from + at}`);

describe('an export of events', () => {
  test('has what its filter lets through when it is made, in order, however often it is read (R77)', async () => {
    const admin = await start();
    await record(600, { server: 'notes' });
    await record(10, { server: 'crm' });
    await record(100, { server: 'notes' });
    const made = await make(admin, { format: 'ndjson', filter: { ...calls, server: 'notes' } });
    expect(made).toMatchObject({ state: 'ready', percent: 0, filter: { type: 'mcp.*', server: 'notes' } });
    await record(5, { server: 'notes' });
    const text = await textOf(await open(admin, made));
    expect(eventsIn(text).map(({ id }) => id)).toEqual([...ids(1, 600), ...ids(611, 710)]);
    expect((await admin.call('GET', `/v1/event-exports/${made.id}`)).body).toMatchObject({
      state: 'done',
      percent: 100,
    });
    expect(await textOf(await open(admin, made))).toBe(text);
  });

  test('goes on at another control plane where the one that was read is gone, each event once (R77)', async () => {
    const first = await start();
    await record(5_000, { detail: { text: 'x'.repeat(2_000) } });
    const made = await make(first, { format: 'ndjson', filter: calls });
    let had = '';
    let failure: unknown;
    try {
      for await (const piece of (await open(first, made)).pipeThrough(new TextDecoderStream())) {
        if (had === '') void first.service.close();
        had += piece;
      }
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(Error); // and not an end that looks like the whole
    had = had.slice(0, had.lastIndexOf('\n') + 1);
    const last = eventsIn(had).at(-1)?.sequence;
    const second = await start(null, { replica: 'control-plane-2' }, createInProcessMessaging());
    const { body } = await second.call('GET', `/v1/event-exports/${made.id}`);
    expect(['running', 'interrupted']).toContain(body.state);
    const rest = await textOf(await open(second, made, last));
    expect(eventsIn(had + rest).map(({ id }) => id)).toEqual(ids(1, 5_000));
    await database().eventExport.updateMany({ data: { readAt: new Date(0), sequence: made.after } });
    expect((await second.call('GET', `/v1/event-exports/${made.id}`)).body).toMatchObject({ state: 'interrupted' });
  });

  test('is CSV with its columns named once, and goes on without (R77)', async () => {
    const admin = await start();
    await record(3, { userName: '=1+1' });
    const made = await make(admin, { format: 'csv', filter: calls });
    const lines = (await textOf(await open(admin, made))).split('\r\n');
    expect([lines.length, lines[0]?.startsWith('sequence,at,type,')]).toEqual([5, true]);
    expect(lines[1]).toContain(",'=1+1,");
    const sequence = Number(lines[2]?.split(',')[0]);
    expect((await textOf(await open(admin, made, sequence))).split('\r\n')).toEqual([lines[3], '']);
  });

  test('is in the trail when it is made and when it is read, and is made once under one key (S29)', async () => {
    const admin = await start();
    const body = { format: 'ndjson', filter: { type: 'vault_key.*' } };
    const made = await make(admin, body, { 'idempotency-key': 'one' });
    expect(await make(admin, body, { 'idempotency-key': 'one' })).toEqual(made);
    await textOf(await open(admin, made));
    const { body: trail } = await admin.call('GET', '/v1/events?type=event_export.*');
    expect(trail.events).toMatchObject([
      { type: 'event_export.downloaded', detail: { export: made.id } },
      { type: 'event_export.created', detail: { export: made.id, format: 'ndjson', filter: 'type=vault_key.*' } },
    ]);
  });

  test('is one of twenty that somebody may have; expired and removed ones are gone (S33)', async () => {
    const admin = await start();
    const made = [];
    for (let count = 0; count < 20; count++) made.push(await make(admin, { format: 'csv' }));
    expect(await admin.call('POST', '/v1/event-exports', { format: 'csv' })).toMatchObject({
      status: 429,
      body: { type: 'urn:sallyport:problem:too-many-exports' },
    });
    expect((await admin.call('DELETE', `/v1/event-exports/${made[0]?.id}`)).status).toBe(200);
    await database().eventExport.update({ where: { id: made[1]?.id ?? '' }, data: { expiresAt: new Date(0) } });
    for (const gone of made.slice(0, 2))
      expect((await admin.call('GET', `/v1/event-exports/${gone.id}`)).status).toBe(404);
    await make(admin, { format: 'csv' });
    expect((await admin.call('GET', '/v1/event-exports')).body.exports).toHaveLength(19);
  });

  test('is read by two at once at one control plane, whoever takes nothing included (S33)', async () => {
    const admin = await start();
    await record(3_000, { detail: { text: 'x'.repeat(5_000) } });
    const made = await make(admin, { format: 'ndjson', filter: calls });
    const [slow, other] = [await open(admin, made), await open(admin, made)];
    await expect(open(admin, made)).rejects.toMatchObject({ status: 429 });
    await slow.cancel();
    await textOf(other);
    expect(eventsIn(await textOf(await open(admin, made)))).toHaveLength(3_000);
  });

  test.each([
    { format: 'xml' },
    { format: 'csv', filter: { nothing: 'x' } },
    { format: 'csv', filter: { from: 'yesterday' } },
    { format: 'csv', filter: { outcome: 'success,maybe' } },
  ])('is not made of %j', async (body) => {
    const admin = await start();
    expect((await admin.call('POST', '/v1/event-exports', body)).status).toBe(400);
  });
});
