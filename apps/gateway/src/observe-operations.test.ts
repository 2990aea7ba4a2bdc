import type { CallRecord } from '@sallyport/messages';
import { createMetrics } from '@sallyport/telemetry';
import { expect, test } from 'vitest';
import { observeOperations, observeRequests } from './observe-operations.js';
import type { ServerAsked } from './outbound/observe-server.js';

const record = (facts: Partial<CallRecord>): CallRecord => ({
  v: 1,
  type: 'mcp.call',
  id: 'evt_1',
  replica: 'gateway-1',
  receivedAt: 1,
  durationMs: 12.5,
  httpStatus: 200,
  decision: 'allow',
  method: 'tools/call',
  server: 'notes',
  target: 'add',
  userId: 'usr_1',
  ...facts,
});
const BOTH = { clientToGateway: 'first', gatewayToServer: 'second' };

async function linesOf(records: readonly CallRecord[]): Promise<string[]> {
  const metrics = createMetrics();
  const observe = observeOperations(metrics);
  for (const one of records) observe(one);
  return (await metrics.exposition()).split('\n');
}

test('a call is timed in seconds, and what it takes beside its server is the overhead', async () => {
  const lines = await linesOf([record({ upstreamMs: 12 }), record({ upstreamMs: 8 })]);
  const labels = 'mcp_method_name="tools/call",sallyport_server="notes",gen_ai_tool_name="add"';
  expect(lines).toContain(`mcp_server_operation_duration_sum{${labels}} 0.025`);
  expect(lines).toContain(`mcp_server_operation_duration_bucket{${labels},le="0.01"} 0`);
  expect(lines).toContain(`mcp_server_operation_duration_bucket{${labels},le="0.02"} 2`);
  expect(lines).toContain('sallyport_gateway_overhead_bucket{le="0.0005"} 1');
  expect(lines).toContain('sallyport_gateway_overhead_bucket{le="0.005"} 2');
});

test.each([
  ['both hops', record({ policies: BOTH }), ['client-to-gateway allow none', 'gateway-to-server allow none']],
  [
    'a no of the second',
    record({ policies: BOTH, decision: 'deny', reason: 'denied:role_missing' }),
    ['client-to-gateway allow none', 'gateway-to-server deny denied:role_missing'],
  ],
  [
    'a no of the first',
    record({ policies: { ...BOTH, gatewayToServer: null }, decision: 'deny', reason: 'not-admitted' }),
    ['client-to-gateway deny not-admitted'],
  ],
  ['nobody: the caller is not known', record({ decision: 'unauthenticated' }), []],
])('decisions are counted by hop: %s', async (_who, one, expected) => {
  const counted = (await linesOf([one])).flatMap((line) => {
    const [, hop, effect, reason] =
      /^sallyport_gateway_decisions_total\{hop="(.+)",effect="(.+)",reason="(.+)"\} 1$/.exec(line) ?? [undefined];
    return hop === undefined ? [] : [`${hop} ${effect} ${reason}`];
  });
  expect(counted).toEqual(expected);
});

test('names that servers make up are told up to a number, and methods that are none are one', async () => {
  const made = Array.from({ length: 300 }, (_, tool) => record({ target: `tool${tool}` }));
  const lines = await linesOf([...made, record({ method: 'made/up', target: 'secret' })]);
  const counts = lines.filter((line) => line.startsWith('mcp_server_operation_duration_count'));
  expect(counts).toHaveLength(202);
  expect(counts.find((line) => line.includes('gen_ai_tool_name="other"'))).toMatch(/ 100$/);
  expect(counts.at(-1)).toContain('mcp_method_name="other"');
  expect(lines.join('\n')).not.toMatch(/made|secret|usr_1/);
});

test('a request to a server is timed when it ends, and says how old its lease is', async () => {
  const metrics = createMetrics();
  const asked: ServerAsked = {
    server: 'notes',
    credentialProvider: 'notes',
    leasedAt: 100,
    url: new URL('https://notes.example'),
    request: { id: 1, method: 'tools/call', name: 'add', params: {}, meta: undefined },
  };
  const told = observeRequests(metrics, () => 142_000)(asked);
  expect(await metrics.exposition()).not.toMatch(/mcp_client_operation_duration_count\{/);
  told.ended({ errorType: 'timeout' });
  const text = await metrics.exposition();
  expect(text).toMatch(/mcp_client_operation_duration_count\{.*gen_ai_tool_name="add",error_type="timeout"\} 1/);
  expect(text).toContain('sallyport_gateway_lease_age_sum 42');
});
