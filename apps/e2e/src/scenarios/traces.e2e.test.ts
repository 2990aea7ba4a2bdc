import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectLegacyAgent } from '../agents/legacy-agent.js';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import { startDistributed } from '../system/start-distributed.js';
import { startStandalone } from '../system/start-standalone.js';
import type { System } from '../system/system.js';
import { startTraceCollector } from '../system/trace-collector.js';
import type { SeenSpan, TraceCollector } from '../system/trace-collector.js';

const CALL = 'tools/call whoami__whoami';
const SENT = 'tools/call whoami';
const ASKED = 'request sallyport.v1.lease.request';
const LEASED = 'answer sallyport.v1.lease.request';

const modes = [
  {
    mode: 'processes of their own, the gateway that of its image',
    start: (collector: TraceCollector) => startDistributed({ env: collector.env, gatewaysFrom: 'image' }),
    services: {
      gateway: 'sallyport-gateway',
      'control-plane': 'sallyport-control-plane',
      issuer: 'sallyport-authorization-server',
    },
  },
  {
    mode: 'one process',
    start: (collector: TraceCollector) => startStandalone({ env: collector.env }),
    services: { gateway: 'sallyport', 'control-plane': 'sallyport', issuer: 'sallyport' },
  },
] as const;

const connect = {
  modern: (system: System, person: Person) =>
    connectModernAgent({ ...system, name: 'Traced Agent', person, clientMetadataUrl: system.clientMetadataUrl }),
  legacy: (system: System, person: Person) => connectLegacyAgent({ ...system, name: 'Traced Agent', person }),
} as const;

/** As an agent that traces makes it. */
const context = () => {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-01` };
};

describe.each(modes)('traces of $mode (B25)', ({ start, services }) => {
  let collector: TraceCollector;
  let system: System;
  beforeAll(async () => {
    collector = await startTraceCollector();
    system = await start(collector);
  });
  afterAll(async () => {
    await system?.stop();
    await collector?.close();
  });

  const named = (spans: readonly SeenSpan[], name: string): SeenSpan => {
    const found = spans.filter((span) => span.name === name);
    if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} spans are called ${name}`);
    return found[0];
  };

  test.each(['modern', 'legacy'] as const)(
    'a call of a %s agent is one tree: agent, gateway, control plane, server',
    async (era) => {
      const person = new Person('alice', { agentRedirectUri: system.redirectUri });
      const agent = await connect[era](system, person);
      const cold = context();
      const { text } = await agent.call('whoami__whoami', {}, { traceparent: cold.traceparent });
      const spans = await collector.trace(cold.traceId, [CALL, SENT, ASKED, LEASED]);

      const [call, sent, asked, leased] = [CALL, SENT, ASKED, LEASED].map((name) => named(spans, name));
      expect(call).toMatchObject({ service: services.gateway, kind: 'server', parent: cold.spanId, failed: false });
      expect(call?.attributes).toEqual({
        'mcp.method.name': 'tools/call',
        'mcp.protocol.version': era === 'modern' ? '2026-07-28' : '2025-11-25',
        ...(era === 'modern' ? {} : { 'mcp.session.id': expect.stringMatching(/^\S+$/) }),
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'whoami__whoami',
        'jsonrpc.request.id': expect.stringMatching(/^\d+$/),
        'network.transport': 'tcp',
        'network.protocol.name': 'http',
        'network.protocol.version': '1.1',
        'server.address': '127.0.0.1',
        'server.port': Number(new URL(system.gatewayUrl).port),
        'client.address': '127.0.0.1',
        'sallyport.server': 'whoami',
        'sallyport.agent.id': expect.any(String),
        'sallyport.decision': 'allow',
        'sallyport.policy.id': [expect.any(String), expect.any(String)],
      });
      expect(asked).toMatchObject({ service: services.gateway, kind: 'client', parent: call?.spanId });
      expect(leased).toMatchObject({ service: services['control-plane'], kind: 'server', parent: asked?.spanId });
      expect(sent).toMatchObject({ service: services.gateway, kind: 'client', parent: call?.spanId, failed: false });
      expect(sent?.attributes).toEqual({
        'mcp.method.name': 'tools/call',
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'whoami',
        'jsonrpc.request.id': expect.stringMatching(/^\d+$/),
        'network.transport': 'tcp',
        'network.protocol.name': 'http',
        'server.address': new URL(system.demo.urls.whoami).hostname,
        'server.port': Number(new URL(system.demo.urls.whoami).port),
        'sallyport.server': 'whoami',
        'sallyport.credential.kind': 'gateway-token',
      });
      // What the server was told continues the tree; nobody is named in it.
      expect(system.downstream.traceparentsAt(system.demo.urls.whoami)).toContain(
        `00-${cold.traceId}-${sent?.spanId}-01`,
      );
      expect(JSON.stringify(spans)).not.toContain(String(JSON.parse(text).sub));

      const warm = context();
      await agent.call('whoami__whoami', {}, { traceparent: warm.traceparent });
      const again = await collector.trace(warm.traceId, [CALL, SENT]);
      expect(named(again, SENT).parent).toBe(named(again, CALL).spanId);
      expect(again.map(({ name }) => name)).not.toContain(ASKED);
      await agent.close();
    },
  );

  test('a request of the authorization server is in the trace of who made it, under its route', async () => {
    const { traceId, spanId, traceparent } = context();
    await fetch(`${system.issuer}/.well-known/openid-configuration?secret=1`, { headers: { traceparent } });
    const [span] = await collector.trace(traceId, ['GET /.well-known/openid-configuration']);
    expect(span).toMatchObject({ service: services.issuer, kind: 'server', parent: spanId });
    expect(JSON.stringify(span)).not.toContain('secret');
  });

  test('no span has a token, a user or a query in it', () => {
    const told = JSON.stringify(collector.spans());
    expect(told).not.toMatch(/eyJ|usr_|[?]/);
  });
});
