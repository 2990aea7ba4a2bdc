import { createMetrics } from '@sallyport/telemetry';
import { eventually } from '@sallyport/testing';
import type { ScriptedAnswer, ScriptedRequest } from '@sallyport/testing/servers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { modernRequest, postByHand } from './world/by-hand.js';
import { startScriptedWorld } from './world/scripted-world.js';
import type { ScriptedWorld } from './world/scripted-world.js';

/** How long the server takes for a call, in milliseconds. */
const WORK_MS = 60;
const METHODS = ['tools/call', 'prompts/get'];

/** A server that works before it answers, says that it failed where it is told to fail, and streams where told to. */
async function answerOf({ id, method, params }: ScriptedRequest): Promise<ScriptedAnswer | undefined> {
  if (!METHODS.includes(method)) return undefined;
  await new Promise((resolve) => setTimeout(resolve, WORK_MS));
  const how = params['name'];
  const result = {
    resultType: 'complete',
    content: [{ type: 'text', text: 'Grüße' }],
    ...(how === 'fail' && { isError: true }),
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id, result });
  return how === 'stream'
    ? { status: 200, headers: { 'content-type': 'text/event-stream' }, body: `data: ${body}\n\n` }
    : { status: 200, body };
}

const tools = JSON.stringify(['work', 'fail', 'stream'].map((name) => ({ name, inputSchema: { type: 'object' } })));

describe.each([
  ['with the short-cut', true],
  ['the long way', false],
])('%s', (_way, isWarmPathOn) => {
  let world: ScriptedWorld<'works'>;
  const metrics = createMetrics();
  beforeAll(async () => {
    world = await startScriptedWorld(
      { works: { era: 'modern', tools, instead: answerOf } },
      { overrides: { isWarmPathOn, trustedProxies: ['127.0.0.1/32'], stalenessBoundMs: 3_600_000 }, metrics },
    );
    await call('work'); // from here on everything is remembered that can be
  });
  afterAll(() => world?.close());

  async function recordOf(send: () => ReturnType<typeof postByHand>) {
    const before = world.records.length;
    const answer = await send();
    await eventually(() => world.records.length > before, { until: 'the call is recorded' });
    return { answer, record: world.records.at(-1) ?? expect.fail('no record') };
  }
  const call = (tool: string, address = '198.51.100.9') => {
    const { body, headers } = modernRequest('tools/call', { name: `works__${tool}`, arguments: { text: 'naïve' } });
    const size = Buffer.byteLength(JSON.stringify(body));
    const accept = 'application/json, text/event-stream';
    return recordOf(() =>
      postByHand(world.url, world.someone, { body, headers: { ...headers, accept, 'x-forwarded-for': address } }),
    ).then((came) => ({ ...came, size }));
  };
  const warmCalls = async () =>
    Number(/warm_calls_total\{end="answered"\} (\d+)/.exec(await metrics.exposition())?.[1]);

  test('the record of a call says how large it was, who had it how long, and where it came from (R74, S19)', async () => {
    const { answer, record, size } = await call('work');
    expect(record).toMatchObject({
      decision: 'allow',
      address: '198.51.100.9',
      requestBytes: size,
      responseBytes: Buffer.byteLength(answer.text),
      policies: { clientToGateway: 'everyone', gatewayToServer: 'works' },
    });
    expect(record).not.toHaveProperty('isToolError');
    expect(record.upstreamMs).toBeGreaterThanOrEqual(WORK_MS - 2);
    expect(record.durationMs).toBeGreaterThan(record.upstreamMs ?? Infinity);
    if (isWarmPathOn) expect(await warmCalls()).toBeGreaterThan(0);
  });

  test('a tool that says that it failed is recorded as such (R74)', async () => {
    expect((await call('fail')).record).toMatchObject({ decision: 'allow', isToolError: true });
  });

  test('a stream is as large as all that was said in it, and the server has the call until its answer is there (R74)', async () => {
    const { answer, record } = await call('stream');
    expect(record.responseBytes).toBe(Buffer.byteLength(answer.text));
    expect(record.upstreamMs).toBeGreaterThanOrEqual(WORK_MS - 2);
  });

  test('what no server was asked has no time of a server (R74)', async () => {
    const { body, headers } = modernRequest('tools/call', { name: 'works__none', arguments: {} });
    const { record } = await recordOf(() => postByHand(world.url, world.someone, { body, headers }));
    expect([record.decision, record.upstreamMs, record.address]).toEqual(['deny', undefined, '127.0.0.1']);
    const nobody = await recordOf(() => postByHand(world.url, 'no.such.token', { body, headers }));
    expect(nobody.record).toMatchObject({ decision: 'unauthenticated', address: '127.0.0.1' });
    expect(nobody.record).not.toHaveProperty('requestBytes');
  });
});
