import { demoConfiguration } from '@sallyport/demo';
import { alertQueries, dashboardQueries, documentedMetrics, readQuery } from '@sallyport/testing/documented-metrics';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import { startDistributed, type DistributedSystem } from '../system/start-distributed.js';

/** Its metrics are there while there is one. */
const STREAM = 'kind: LogStream\nname: console\nspec: { start: beginning, sink: { stdout: {} } }\n---\n';
const PROCESSES = ['gateway', 'control-plane', 'authorization-server', 'token-refresh-worker'] as const;

describe('metrics of four processes (R77, B25)', () => {
  let system: DistributedSystem;
  /** Lines of each process by the name of their metric, once there were calls. */
  const shown = new Map<string, ReadonlyMap<string, readonly string[]>>();

  beforeAll(async () => {
    system = await startDistributed({ workers: 2, configure: (demo) => `${STREAM}${demoConfiguration(demo)}` });
    const person = new Person('alice', { agentRedirectUri: system.redirectUri });
    const agent = await connectModernAgent({
      ...system,
      name: 'Measured Agent',
      person,
      clientMetadataUrl: system.clientMetadataUrl,
    });
    await agent.toolNames();
    for (let call = 0; call < 4; call++) await agent.call('whoami__whoami');
    await agent.call('notes__list_notes').catch(() => undefined);
    await agent.close();
    for (const { name, healthUrl } of system.processes()) {
      const text = await (await fetch(`${healthUrl}/metrics`)).text();
      shown.set(name.replace(/-\d+$/, ''), samplesIn(text));
    }
  });
  afterAll(() => system?.stop());

  test.each(PROCESSES)('%s shows what is documented for it, and nothing else', (process) => {
    const documented = documentedMetrics()
      .filter(({ processes }) => processes.includes('all') || processes.includes(process))
      .map(({ name }) => name);
    expect([...(shown.get(process)?.keys() ?? [])].toSorted()).toEqual(documented.toSorted());
  });

  test('each metric of a query of the dashboard and of the alerts has data', () => {
    const withData = new Set(
      [...shown.values()].flatMap((samples) =>
        [...samples.values()].flatMap((lines) => lines.map((line) => /^\w+/.exec(line)?.[0] ?? '')),
      ),
    );
    const asked = [...dashboardQueries(), ...alertQueries()].flatMap((query) => readQuery(query).metrics);
    expect([...new Set(asked)].filter((metric) => !withData.has(metric))).toEqual([]);
  });

  test('labels are those that are documented, and none has a user, a token or an agent in it', () => {
    const known = new Map(documentedMetrics().map((metric) => [metric.name, new Set(metric.labels)]));
    const strange: string[] = [];
    for (const samples of shown.values())
      for (const [metric, lines] of samples)
        for (const line of lines)
          for (const [, label = ''] of line.matchAll(/[{,](\w+)="/g))
            if (label !== 'le' && label !== 'worker' && known.get(metric)?.has(label) !== true)
              strange.push(`${metric}: ${label}`);
    expect([...new Set(strange)]).toEqual([]);
    expect(JSON.stringify([...shown.values()].map((samples) => [...samples]))).not.toMatch(/"(usr_|ses_|eyJ)/);
  });

  test('calls, decisions and leases are counted with what they were', () => {
    const lines = [...(shown.get('gateway')?.values() ?? [])].flat();
    const total = (pattern: RegExp) =>
      lines.filter((line) => pattern.test(line)).reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
    const ofTool = 'mcp_method_name="tools/call",sallyport_server="whoami",gen_ai_tool_name="whoami"';
    expect(total(new RegExp(`^mcp_server_operation_duration_count\\{worker="\\d",${ofTool}\\}`))).toBe(4);
    expect(total(new RegExp(`^mcp_client_operation_duration_count\\{worker="\\d",${ofTool}\\}`))).toBe(4);
    expect(
      total(/^sallyport_gateway_decisions_total\{worker="\d",hop="gateway-to-server",effect="allow",reason="none"\}/),
    ).toBeGreaterThanOrEqual(4);
    expect(total(/^sallyport_gateway_leases_total\{worker="\d",result="granted"\}/)).toBeGreaterThanOrEqual(1);
    expect(total(/^sallyport_gateway_overhead_count/)).toBeGreaterThanOrEqual(4);
  });
});

/** By the name in `# TYPE`, the samples under it. */
function samplesIn(text: string): ReadonlyMap<string, readonly string[]> {
  const samples = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of text.split('\n')) {
    const name = /^# TYPE (\S+)/.exec(line)?.[1];
    if (name !== undefined) samples.set(name, (current = samples.get(name) ?? []));
    else if (line !== '' && !line.startsWith('#')) current.push(line);
  }
  return samples;
}
