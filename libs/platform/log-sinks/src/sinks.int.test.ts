import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '@sallyport/kernel';
import { createSafeFetch } from '@sallyport/safe-fetch';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openFile, openOtlp, openS3, openSplunkHec, openWebhook, type LogSink, type SinkRecord } from './index.js';
import { startHecReceiver, startOtlpReceiver, startS3Receiver, startWebhookReceiver } from './testing/index.js';
import type { HecReceiver, HttpReceiver, TestReceiver } from './testing/index.js';

const fetch = createSafeFetch({ userAgent: 'test', allow: [{ host: '127.0.0.1', http: true }], timeoutMs: 2_000 });
const never = new AbortController().signal;
const AT = Date.UTC(2026, 10, 30, 20, 59, 59, 500);
const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const records = (from: number, to: number): SinkRecord[] =>
  Array.from({ length: to - from + 1 }, (_, at) => {
    const n = from + at;
    const event = {
      id: `evt_${n}`,
      type: 'mcp.response',
      at: AT + n,
      traceId: 'a'.repeat(32),
      detail: { n, deep: [1.5, null, 'é'] },
    };
    return { id: event.id, at: event.at, type: event.type, severity: 'info', body: JSON.stringify(event) };
  });
const bodiesOf = (batch: readonly SinkRecord[]) => batch.map(({ body }) => JSON.parse(body) as unknown);
const keptBy = async (receiver: TestReceiver) => (await receiver.kept()).map((text) => JSON.parse(text) as unknown);

interface Setup {
  readonly receiver: TestReceiver;
  readonly sink: LogSink;
}
const SETUPS: Readonly<Record<string, () => Promise<Setup>>> = {
  webhook: async () => {
    const receiver = await startWebhookReceiver(SECRET);
    return {
      receiver,
      sink: openWebhook({ url: receiver.url, signingSecret: new Secret(SECRET), fetch, clock: Date.now }),
    };
  },
  OTLP: async () => {
    const receiver = await startOtlpReceiver();
    const resource = { serviceName: 'sallyport', serviceVersion: '1', hostName: 'sallyport.example' };
    return { receiver, sink: openOtlp({ url: receiver.url, headers: {}, resource, fetch }) };
  },
  HEC: () => hec(false),
  'HEC with acknowledgement': () => hec(true),
  S3: async () => {
    const receiver = await startS3Receiver({ accessKeyId: 'AK', secretAccessKey: 'sk', region: 'eu-1' });
    return { receiver, sink: openBucket(receiver.endpoint) };
  },
};
async function hec(isAcknowledged: boolean): Promise<Setup & { receiver: HecReceiver }> {
  const receiver = await startHecReceiver('hec-token', isAcknowledged);
  return { receiver, sink: openCollector(receiver.url, isAcknowledged) };
}
const openCollector = (url: string, isAcknowledged: boolean, token = 'hec-token') =>
  openSplunkHec({
    url,
    token: new Secret(token),
    isAcknowledged,
    host: 'sallyport.example',
    source: 'sallyport',
    sourcetype: '_json',
    index: undefined,
    fetch,
    pollMs: 20,
    acknowledgedWithinMs: 200,
  });
const openBucket = (endpoint: string, secretAccessKey = 'sk') =>
  openS3({
    endpoint,
    bucket: 'audit',
    region: 'eu-1',
    prefix: 'sallyport/',
    accessKeyId: 'AK',
    secretAccessKey: new Secret(secretAccessKey),
    waitMs: 0,
    fetch,
    clock: Date.now,
  });

describe.each(Object.entries(SETUPS))('%s', (name, setUp) => {
  let receiver: TestReceiver;
  let http: HttpReceiver;
  let sink: LogSink;
  beforeEach(async () => {
    ({ receiver, sink } = await setUp());
    ({ http } = receiver);
  });
  afterEach(async () => {
    await sink.close();
    await receiver.stop();
  });

  test('takes a batch, every event whole and in order (R78)', async () => {
    const batch = records(1, 40);
    expect(await sink.deliver(batch, never)).toMatchObject({ type: 'taken' });
    expect(await keptBy(receiver)).toEqual(bodiesOf(batch));
  });
  test('that is away has taken nothing, and takes it when it is back (R78)', async () => {
    await receiver.stop();
    expect(await sink.deliver(records(1, 3), never)).toMatchObject({
      type: 'unavailable',
      taken: 0,
      reason: 'outbound_unreachable',
    });
    await http.start();
    expect((await sink.deliver(records(1, 3), never)).type).toBe('taken');
    expect(await keptBy(receiver)).toHaveLength(3);
  });
  test('that answers 429 says when to come again (R78)', async () => {
    http.faults.answer = { status: 429, headers: { 'retry-after': '120' }, body: 'slow down' };
    expect(await sink.deliver(records(1, 3), never)).toEqual({
      type: 'unavailable',
      taken: 0,
      reason: 'http_429',
      said: 'HTTP 429: slow down',
      retryAfterMs: 120_000,
    });
  });
  test('that answers 413 is asked for less, and no more is said to be taken (R78)', async () => {
    http.faults.answer = { status: 413 };
    expect(await sink.deliver(records(1, 3), never)).toMatchObject({ type: 'refused', taken: 0, isTooLarge: true });
  });
  test('that answers with a failure or a wrong key is tried again, and nothing is refused for it (R78)', async () => {
    for (const status of [401, 403, 404, 500, 503]) {
      http.faults.answer = { status };
      expect(await sink.deliver(records(1, 3), never)).toMatchObject({ type: 'unavailable', reason: `http_${status}` });
    }
  });
  test('that answers too late has taken nothing (R78)', async () => {
    http.faults.delayMs = 2_500;
    expect(await sink.deliver(records(1, 2), never)).toMatchObject({ type: 'unavailable', reason: 'outbound_timeout' });
  });
  test('is left in the middle when the service ends', async () => {
    http.faults.delayMs = 1_000;
    const stopping = new AbortController();
    const delivering = sink.deliver(records(1, 2), stopping.signal);
    stopping.abort(new Error('ending'));
    await expect(delivering).rejects.toThrow('ending');
  });
  test('that refuses one event says so, and which where its protocol does (R78)', async () => {
    if (name === 'S3') return expect(receiver.poison.size).toBe(0); // a bucket refuses no event
    receiver.poison.add('evt_2');
    const delivered = await sink.deliver(records(1, 3), never);
    expect(delivered).toMatchObject({ type: 'refused', isTooLarge: false });
    const where = { webhook: { taken: 1, at: 1 }, OTLP: { taken: 0 } }[name] ?? { taken: 0, at: 1 };
    expect(delivered).toMatchObject(where);
  });
});

test('a collector whose indexers acknowledge nothing has taken nothing (R78)', async () => {
  const { receiver, sink } = await hec(true);
  receiver.acknowledges = false;
  expect(await sink.deliver(records(1, 3), never)).toMatchObject({
    type: 'unavailable',
    taken: 0,
    reason: 'hec_not_acknowledged',
  });
  await receiver.stop();
});
test('a token without acknowledgement, or a wrong one, is told apart from a refused event (R78)', async () => {
  const { receiver } = await hec(false);
  expect(await openCollector(receiver.url, true).deliver(records(1, 1), never)).toMatchObject({
    reason: 'hec_no_acknowledgement',
  });
  expect(await openCollector(receiver.url, false, 'wrong').deliver(records(1, 1), never)).toMatchObject({
    type: 'unavailable',
    said: "HTTP 403: {'text':'Invalid token','code':4}",
  });
  await receiver.stop();
});
test('objects are named by the hour of their events, and the same batch replaces itself (R78)', async () => {
  const receiver = await startS3Receiver({ accessKeyId: 'AK', secretAccessKey: 'sk', region: 'eu-1' });
  const sink = openBucket(receiver.endpoint);
  for (let round = 0; round < 2; round++) await sink.deliver(records(499, 501), never);
  expect([...receiver.objects.keys()]).toEqual([
    expect.stringMatching(/^audit\/sallyport\/date=2026-11-30\/hour=20\/20261130T205959999Z-[0-9a-f]{16}\.ndjson\.gz$/),
    expect.stringMatching(/^audit\/sallyport\/date=2026-11-30\/hour=21\/20261130T210000000Z-[0-9a-f]{16}\.ndjson\.gz$/),
  ]);
  expect(await openBucket(receiver.endpoint, 'wrong').deliver(records(1, 1), never)).toMatchObject({
    type: 'unavailable',
    reason: 'http_403',
  });
  await receiver.stop();
});
test('a webhook whose secret is none sends nothing', async () => {
  const receiver = await startWebhookReceiver(SECRET);
  const sink = openWebhook({ url: receiver.url, signingSecret: new Secret('x'), fetch, clock: Date.now });
  expect(await sink.deliver(records(1, 1), never)).toMatchObject({ reason: 'signing_secret_invalid' });
  expect(receiver.http.requests).toHaveLength(0);
  await receiver.stop();
});

describe('a file', () => {
  let directory: string;
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'sallyport-sink-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  test('gets a line for each event, behind a line that was torn, and again after it was rotated (R78)', async () => {
    const path = join(directory, 'audit.ndjson');
    writeFileSync(path, '{"torn":');
    const sink = openFile(path);
    expect((await sink.deliver(records(1, 2), never)).type).toBe('taken');
    expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toEqual([
      '{"torn":',
      ...records(1, 2).map(({ body }) => body),
    ]);
    rmSync(path);
    expect((await sink.deliver(records(3, 3), never)).type).toBe('taken');
    expect(readFileSync(path, 'utf8')).toBe(`${records(3, 3)[0]?.body}\n`);
  });
  test('whose folder is not there is tried again', async () => {
    expect(await openFile(join(directory, 'none', 'x')).deliver(records(1, 1), never)).toMatchObject({
      type: 'unavailable',
      reason: 'file_enoent',
    });
  });
});
