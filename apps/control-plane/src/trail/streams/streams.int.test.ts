import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEvent } from '@sallyport/audit';
import type { DocumentOf } from '@sallyport/configuration';
import { connectDatabase, connectStatements, type Database, type Statements } from '@sallyport/database';
import { Secret } from '@sallyport/kernel';
import { createGuardedTls, createSafeFetch } from '@sallyport/safe-fetch';
import {
  createFakeClock,
  eventually,
  makeScratch,
  removeScratch,
  startTestPostgres,
  type FakeClock,
  type TestPostgres,
} from '@sallyport/testing';
import { createTestAuthority, type TestAuthority } from '@sallyport/testing/servers';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { PostgresEventWriter } from '../event-writer.js';
import { DeadLetters } from './dead-letters.js';
import { logStreamsOf } from './log-stream.js';
import { openSink, type SinkContext } from './open-sink.js';
import type { StreamProblem } from './pump-stream.js';
import { readPending } from './read-pending.js';
import { StreamService } from './serve-streams.js';
import { StreamCursors } from './stream-cursors.js';
import { testStream } from './test-stream.js';
import { SECRETS, SINKS, streamDocument, type Received } from '../../test/stream-receivers.js';

let authority: TestAuthority;
let scratch: string;
let postgres: TestPostgres;
let database: Database;
let statements: Statements;
let clock: FakeClock;
let problems: StreamProblem[];
let documents: DocumentOf<'LogStream'>[];
let services: StreamService[];
let receivers: Received[];
beforeAll(async () => void (authority = await createTestAuthority()));
beforeEach(async () => {
  scratch = makeScratch('streams');
  postgres = await startTestPostgres();
  database = connectDatabase(postgres.url);
  statements = connectStatements(postgres.url, 1);
  clock = createFakeClock();
  [problems, documents, services, receivers] = [[], [], [], []];
});
afterEach(async () => {
  await Promise.all(services.map((service) => service.stop()));
  await Promise.all(receivers.map((receiver) => receiver.stop()));
  await Promise.all([database.$disconnect(), statements.close()]);
  await postgres.stop();
  removeScratch(scratch);
});

const guard = () => ({
  allow: [{ host: '127.0.0.1', http: true }, { host: 'localhost' }],
  extraCertificateAuthorities: [authority.certificate],
});
const sinkContext = (): SinkContext => ({
  findSecret: (name) => Promise.resolve(secretOf(name.split('/').at(-1) ?? '')),
  fetch: createSafeFetch({ ...guard(), userAgent: 'test' }),
  connectTls: (clientCertificate) => createGuardedTls({ ...guard(), clientCertificate }),
  // Receivers compare it with their own.
  clock: Date.now,
  hostName: 'sallyport.example',
  directory: join(scratch, 'files'),
  stdout: process.stdout,
});
const secretOf = (field: string) => (SECRETS[field] === undefined ? undefined : new Secret(SECRETS[field]));
const open = (stream: Parameters<typeof openSink>[0]) => openSink(stream, sinkContext());
const streams = () => logStreamsOf({ all: ((kind: string) => (kind === 'LogStream' ? documents : [])) as never });

/** A control plane, as far as it serves streams. */
function controlPlane(name: string): StreamService {
  const service = new StreamService({
    streams,
    cursors: new StreamCursors(database, name),
    letters: new DeadLetters(database),
    readPending: (stream, from) => readPending(database, stream, from),
    openSink: open,
    clock,
    random: () => 0,
    retentionMs: 86_400_000,
    onDelivered: () => undefined,
    onProblem: (problem) => void problems.push(problem),
    onError: (error) => {
      throw error;
    },
  });
  services.push(service);
  return service;
}

async function receiver(sink: string): Promise<Received> {
  const [, start] = Object.entries(SINKS).find(([name]) => name === sink) ?? [];
  if (start === undefined) throw new Error(`no receiver for ${sink}`);
  const started = await start({ authority, directory: join(scratch, 'files') });
  receivers.push(started);
  documents.push(started.stream);
  return started;
}

let written = 0;
async function record(count: number, more: Partial<AuditEvent> = {}): Promise<string[]> {
  const events = Array.from({ length: count }, (): AuditEvent => {
    const id = `evt_${String(++written).padStart(6, '0')}`;
    return { id, type: 'mcp.response', at: clock(), replica: 'gateway-1', detail: { n: written }, ...more };
  });
  await new PostgresEventWriter({ statements, replica: 'control-plane-1', clock: Date.now }).append(events);
  return events.map(({ id }) => id);
}

const idsAt = async (received: Received) =>
  (await received.kept()).map((text) => (JSON.parse(text) as { id: string }).id);
/** Rounds until it is so; time goes on by `stepMs` between them. */
const until = (service: StreamService, condition: () => Promise<boolean> | boolean, stepMs = 0) =>
  eventually(
    async () => {
      await service.round();
      if (await condition()) return true;
      clock.advance(stepMs);
      return false;
    },
    { timeoutMs: 30_000, intervalMs: 10 },
  );
const standing = async (stream: string) => {
  const found = (await new StreamCursors(database, 'reader').standings()).find((one) => one.stream === stream);
  if (found === undefined) throw new Error(`no stream ${stream}`);
  return found;
};
const isThrough = (stream: string) => async () => {
  const { sequence, newest } = await standing(stream);
  return sequence === newest;
};

describe.each(Object.keys(SINKS))('a log stream to %s', (sink) => {
  let received: Received;
  let service: StreamService;
  let name: string;
  beforeEach(async () => {
    received = await receiver(sink);
    ({ name } = received.stream);
    service = controlPlane('control-plane-1');
  });

  test('that is away for ten minutes gets everything, once and in order, within a minute (R78, B24)', async () => {
    const ids = await record(30);
    await until(service, isThrough(name), 60_000);
    await received.down();
    for (let minute = 0; minute < 10; minute++) {
      ids.push(...(await record(40)));
      for (let second = 0; second < 60; second += 20) {
        await service.round();
        clock.advance(20_000);
      }
    }
    await until(service, async () => (await standing(name)).failures > 3, 20_000);
    expect(await idsAt(received)).toHaveLength(sink === 'file' ? 0 : 30);
    expect(await standing(name)).toMatchObject({ reason: expect.any(String), said: expect.any(String) });
    await received.up();
    const { nextAttemptAt } = await standing(name);
    expect((nextAttemptAt?.getTime() ?? Infinity) - clock()).toBeLessThanOrEqual(60_000);
    await until(service, isThrough(name), 10_000);
    await eventually(async () => (await received.kept()).length >= ids.length);
    const got = await idsAt(received);
    expect(sink === 's3' ? got.toSorted() : got).toEqual(ids);
    expect(await standing(name)).toMatchObject({ failures: 0, reason: null, deadLetters: 0 });
    // Told once for the whole time.
    expect(problems).toHaveLength(1);
  });

  test('is tested with a marked event, and tells what the receiver said (R78, B24)', async () => {
    const stream = streams().get(name);
    if (stream === undefined) throw new Error('no stream');
    const about = { openSink: open, clock, replica: 'control-plane-1' };
    expect(await testStream(stream, about)).toMatchObject({ isTaken: true, reason: null, said: expect.any(String) });
    await eventually(async () => (await received.kept()).length === 1);
    expect(JSON.parse((await received.kept())[0] ?? '')).toMatchObject({
      type: 'log_stream.tested',
      code: 'SPC20I',
      detail: { logStream: name },
    });
    await received.down();
    expect(await testStream(stream, about)).toMatchObject({ isTaken: false, reason: expect.any(String) });
    await received.up();
  });

  test('that answers 429 is left alone until its Retry-After, and 413 until batches are small (R78, B24)', async () => {
    const { http } = received;
    if (http === undefined) return expect(['syslog', 'file']).toContain(sink);
    const ids = await record(200);
    http.faults.answer = { status: 429, headers: { 'retry-after': '300' } };
    await until(service, async () => (await standing(name)).failures === 1, 61_000);
    const asked = http.requests.length;
    for (let second = 0; second < 280; second += 20) {
      await service.round();
      clock.advance(20_000);
    }
    expect(http.requests.length).toBe(asked);
    delete http.faults.answer;
    // A few events of some 150 bytes each, or one that is compressed.
    http.faults.maxBytes = sink === 's3' ? 700 : 2_000;
    await until(service, isThrough(name), 10_000);
    await eventually(async () => (await received.kept()).length >= ids.length);
    const got = await idsAt(received);
    expect(sink === 's3' ? got.toSorted() : got).toEqual(ids);
  });

  test('that is slow holds up no other stream, and gets everything (S34, R78, B24)', async () => {
    const { http } = received;
    if (http === undefined) return expect(['syslog', 'file']).toContain(sink);
    documents.push(streamDocument('beside', { file: { name: 'beside.ndjson' } }));
    await receiver('file');
    http.faults.delayMs = 1_500;
    const ids = await record(1);
    await until(service, isThrough('file'), 61_000);
    expect(await received.kept()).toEqual([]);
    await until(service, isThrough(name), 61_000);
    expect(await idsAt(received)).toEqual(ids);
  });

  test('that refuses one event gets the others, and that one when it is replayed (R78, B24)', async () => {
    const { poison } = received;
    if (poison === undefined || sink === 's3') return expect(['syslog', 'file', 's3']).toContain(sink);
    const ids = await record(20);
    const bad = ids[7] ?? '';
    poison.add(bad);
    await until(service, isThrough(name), 1_000);
    const got = new Set(await idsAt(received));
    expect(ids.filter((id) => !got.has(id))).toEqual([bad]);
    // Each comes in its place; some come again where the receiver does not say which it refused.
    expect([...got]).toEqual(ids.filter((id) => id !== bad));
    const letters = new DeadLetters(database);
    expect(await letters.list(name, 10)).toMatchObject([{ eventId: bad, attempts: 5, isAsked: false }]);
    expect(problems.at(-1)).toMatchObject({ stream: name, deadLetter: bad });
    // Refused again: it stays, and is not tried for ever.
    expect(await letters.ask(name, [bad])).toBe(1);
    await until(service, async () => (await letters.list(name, 10))[0]?.isAsked === false, 1_000);
    expect(await letters.list(name, 10)).toMatchObject([{ eventId: bad, attempts: 10 }]);
    poison.clear();
    expect(await letters.ask(name, undefined)).toBe(1);
    await until(service, async () => (await letters.list(name, 10)).length === 0, 1_000);
    expect((await idsAt(received)).at(-1)).toBe(bad);
  });
});

describe('a log stream', () => {
  test('begins with what happens from now on, or with all there is (R78, B24)', async () => {
    await record(3);
    documents.push(streamDocument('new', { file: { name: 'new' } }, { start: 'now' }));
    documents.push(streamDocument('old', { file: { name: 'old' } }));
    const files = await receiver('file');
    const service = controlPlane('one');
    await until(service, isThrough('old'));
    await record(2);
    await until(service, async () => (await isThrough('old')()) && (await isThrough('new')()));
    expect([(await standing('new')).delivered, (await standing('old')).delivered]).toEqual([2n, 5n]);
    expect(files.stream.name).toBe('file');
  });
  test('gets the events that its filter names, and passes over the others (R78, B24)', async () => {
    const filter = { types: ['token.*', 'mcp.response'], servers: ['notes'], outcomes: ['denied'] };
    documents.push(streamDocument('some', { file: { name: 'some' } }, { filter }));
    await receiver('file');
    const denied = { server: 'notes', outcome: 'denied' } as const;
    await record(1, { type: 'tokenXissued' as never, ...denied });
    await record(1, { type: 'token.issued', ...denied, server: 'other' });
    await record(1, { ...denied, outcome: 'success' });
    const wanted = [...(await record(2, denied)), ...(await record(1, { type: 'token.refused', ...denied }))];
    await record(2_500);
    await until(controlPlane('one'), isThrough('some'));
    const lines = readFileSync(join(scratch, 'files', 'some'), 'utf8')
      .trimEnd()
      .split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(wanted);
  });
  test('is served by one control plane, and by another when that one dies (R78, B24)', async () => {
    const received = await receiver('file');
    const [first, second] = [controlPlane('one'), controlPlane('two')];
    const ids = await record(5);
    await until(first, isThrough('file'));
    await second.round();
    expect([first.held().length, second.held().length]).toEqual([1, 0]);
    ids.push(...(await record(5)));
    // It said nothing for as long as it may.
    await database.$executeRaw`UPDATE "LogStreamCursor" SET "heldUntil" = now() - interval '1 second'`;
    await until(second, isThrough('file'));
    expect(await idsAt(received)).toEqual(ids);
    // One that comes back after that moves nothing on.
    const late = new StreamCursors(database, 'one');
    expect(await late.advance({ stream: 'file', sequence: 1n, delivered: 1 })).toBe(false);
    expect((await standing('file')).sequence).toBe((await standing('file')).newest);
    await second.stop();
    await first.round();
    expect(first.held()).toHaveLength(1);
  });
  test('whose secret or folder is missing waits, says so, and goes on when it is there (R78, B24)', async () => {
    documents.push(
      streamDocument('keyless', {
        otlp: { url: 'http://127.0.0.1:1/v1/logs', credential: { header: 'api-key', secret: { stored: true } } },
      }),
    );
    await record(1);
    await until(controlPlane('one'), async () => (await standing('keyless')).failures > 0);
    expect(await standing('keyless')).toMatchObject({ reason: 'secret_missing', sequence: 0n });
  });
  test('that is nearly too late for what is kept says so (R78, B24)', async () => {
    await receiver('otlp').then((one) => one.down());
    await record(1);
    const service = controlPlane('one');
    await service.round();
    expect(service.late()).toEqual([]);
    clock.advance(20 * 3_600_000);
    await service.round();
    expect(service.late()).toEqual(['otlp']);
  });
});
