import type { CallRecord, LifecycleRecord } from '@sallyport/messages';
import { describe, expect, it } from 'vitest';
import { toEvents } from './to-events.js';

const call: CallRecord = {
  v: 1,
  type: 'mcp.call',
  id: 'evt_1',
  replica: 'gateway-1',
  receivedAt: 1_000,
  durationMs: 12.6,
  userId: 'usr_alice',
  trustProvider: 'demo',
  clientId: 'https://agent.example/c',
  agentName: 'Agent',
  sid: 'ses_1',
  protocolVersion: '2026-07-28',
  method: 'tools/call',
  server: 'notes',
  target: 'get_note',
  decision: 'allow',
  policies: { clientToGateway: 'everybody', gatewayToServer: 'notes-policy' },
  policyRevision: 7,
  connectionId: 'con_1',
  httpStatus: 200,
  traceId: 't1',
};

describe('a call in the trail', () => {
  it('is a request and a response with the whole chain: human, agent, server, tool, decision, time (R75, R79)', () => {
    const chain = {
      userId: 'usr_alice',
      trustProvider: 'demo',
      clientId: 'https://agent.example/c',
      agentName: 'Agent',
      sid: 'ses_1',
      server: 'notes',
      replica: 'gateway-1',
    };
    expect(toEvents(call)).toEqual([
      {
        id: 'evt_1.request',
        type: 'mcp.request',
        at: 1_000,
        ...chain,
        detail: {
          callId: 'evt_1',
          protocolVersion: '2026-07-28',
          method: 'tools/call',
          target: 'get_note',
          decision: 'allow',
          policies: call.policies,
          policyRevision: 7,
          connectionId: 'con_1',
          traceId: 't1',
        },
      },
      {
        id: 'evt_1.response',
        type: 'mcp.response',
        at: 1_013,
        ...chain,
        detail: {
          callId: 'evt_1',
          method: 'tools/call',
          target: 'get_note',
          decision: 'allow',
          httpStatus: 200,
          durationMs: 12.6,
          connectionId: 'con_1',
          traceId: 't1',
        },
      },
    ]);
  });

  it('has no userId when the agent could not be identified (R76)', () => {
    const events = toEvents({
      v: 1,
      type: 'mcp.call',
      id: 'evt_2',
      replica: 'gateway-1',
      receivedAt: 1_000,
      durationMs: 1,
      decision: 'unauthenticated',
      httpStatus: 401,
    });
    for (const event of events) expect(Object.keys(event)).not.toContain('userId');
    expect(events[0]).toMatchObject({ detail: { decision: 'unauthenticated' } });
  });

  it('makes the same events from the same record, so that storing twice stores once', () => {
    expect(toEvents(call)).toEqual(toEvents(structuredClone(call)));
  });

  it('keeps names storable, whatever an agent sent (S10)', () => {
    const [request] = toEvents({ ...call, target: `a\u0000b\ud800${'x'.repeat(5_000)}` });
    const target = request?.detail['target'] as string;
    expect(target.startsWith('a\uFFFDb\uFFFDxx')).toBe(true);
    expect(target.length).toBe(2_048);
  });
});

describe('a lifecycle step in the trail', () => {
  it('is one event that keeps its details (R80)', () => {
    const record: LifecycleRecord = {
      v: 1,
      type: 'token.issued',
      id: 'evt_3',
      replica: 'authorization-server-1',
      at: 5,
      userId: 'usr_alice',
      clientId: 'agent',
      sid: 'ses_1',
      detail: { scope: 'notes.read' },
    };
    expect(toEvents(record)).toEqual([
      {
        id: 'evt_3',
        type: 'token.issued',
        at: 5,
        userId: 'usr_alice',
        clientId: 'agent',
        sid: 'ses_1',
        replica: 'authorization-server-1',
        detail: { scope: 'notes.read' },
      },
    ]);
  });
});
