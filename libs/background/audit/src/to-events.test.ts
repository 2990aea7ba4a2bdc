import { AuditRecord } from '@sallyport/messages';
import { ContentRecord } from '@sallyport/messages/content';
import type { CallRecord, LifecycleRecord } from '@sallyport/messages';
import { describe, expect, it } from 'vitest';
import { AuditEvent } from './audit-event.js';
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
  address: '192.0.2.7',
  upstreamMs: 11.4,
  requestBytes: 180,
  responseBytes: 95,
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
      address: '192.0.2.7',
      traceId: 't1',
      tool: 'get_note',
      outcome: 'success',
    };
    expect(toEvents(call)).toEqual([
      {
        id: 'evt_1.request',
        type: 'mcp.request',
        code: 'SPG01I',
        at: 1_000,
        ...chain,
        detail: {
          callId: 'evt_1',
          protocolVersion: '2026-07-28',
          method: 'tools/call',
          decision: 'allow',
          policies: call.policies,
          policyRevision: 7,
          connectionId: 'con_1',
          requestBytes: 180,
        },
      },
      {
        id: 'evt_1.response',
        type: 'mcp.response',
        code: 'SPG02I',
        at: 1_013,
        ...chain,
        detail: {
          callId: 'evt_1',
          method: 'tools/call',
          decision: 'allow',
          policies: call.policies,
          policyRevision: 7,
          httpStatus: 200,
          durationMs: 12.6,
          upstreamMs: 11.4,
          overheadMs: 1.2,
          requestBytes: 180,
          responseBytes: 95,
          connectionId: 'con_1',
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
    const tool = request?.tool ?? '';
    expect(tool.startsWith('a\uFFFDb\uFFFDxx')).toBe(true);
    expect(tool.length).toBe(2_048);
  });

  it('names what is no tool in its detail, and says nothing that an older gateway did not record (R74)', () => {
    const { upstreamMs: _upstream, address: _address, responseBytes: _bytes, ...older } = call;
    const [request, response] = toEvents({ ...older, method: 'resources/read', target: 'note://1' });
    expect([request?.detail['target'], response?.detail['target']]).toEqual(['note://1', 'note://1']);
    for (const name of ['tool', 'address']) expect(response).not.toHaveProperty(name);
    for (const name of ['upstreamMs', 'overheadMs', 'responseBytes']) expect(response?.detail).not.toHaveProperty(name);
  });
});

describe('the content of a call in the trail', () => {
  it('is an event of its own, whose parts are the texts they were (S30)', () => {
    const { durationMs: _duration, receivedAt: at, decision: _decision, httpStatus: _status, ...known } = call;
    const result = JSON.stringify({ text: 'x'.repeat(20_000), nul: '\u0000' });
    const [event, ...more] = toEvents(
      ContentRecord.parse({
        ...known,
        ...{ type: 'mcp.content', id: 'evt_1.content', callId: 'evt_1', at, level: 'full' },
        ...{ argumentsWithheld: 'too_large', result },
      }),
    );
    expect(more).toEqual([]);
    expect(event).toMatchObject({ code: 'SPG05I', userId: 'usr_alice', server: 'notes', tool: 'get_note' });
    expect(event?.detail).toEqual({
      ...{ callId: 'evt_1', method: 'tools/call', level: 'full', argumentsWithheld: 'too_large', result },
      connectionId: 'con_1',
    });
    expect(AuditEvent.parse(event)).toStrictEqual(event);
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
        code: 'SPA08I',
        outcome: 'success',
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

describe('every record', () => {
  const texts = ['', 'a', 'é😀', '\u0000', 'a\ud800', '\udc00b', 'x'.repeat(2_047) + '😀', '"\\\n', 'y'.repeat(9_000)];
  const optional = [
    'userId',
    'trustProvider',
    'clientId',
    'agentName',
    'sid',
    'server',
    'reason',
    'connectionId',
    'address',
    'traceId',
  ];
  const short = new Map([
    ['userId', 100],
    ['definition', 64],
    ['address', 64],
    ['traceId', 2_048],
  ]);
  const ofCalls = ['protocolVersion', 'method', 'target', 'definition'];

  /** Some of the facts, with any of the texts; the same number makes the same record. */
  function recordNumber(number: number): AuditRecord {
    let state = number * 2_654_435_761;
    const next = (below: number) => ((state = (state * 1_103_515_245 + 12_345) % 2_147_483_648), (state >> 8) % below);
    const isCall = next(2) === 0;
    const facts = [...optional, ...(isCall ? ofCalls : [])].flatMap((name) => {
      const text = texts[next(texts.length)] ?? '';
      const fits = text.slice(0, short.get(name));
      return next(3) === 0 ? [] : [[name, fits]];
    });
    const common = { v: 1, id: `evt_${number}`, replica: 'gateway-1', ...Object.fromEntries(facts) };
    const policies = { clientToGateway: texts[next(texts.length)], gatewayToServer: null };
    return AuditRecord.parse(
      isCall
        ? {
            ...common,
            ...{ type: 'mcp.call', receivedAt: next(1e9), durationMs: next(9_999) / 7, httpStatus: 200 },
            ...{
              decision: 'deny',
              ...(next(2) === 0
                ? {}
                : {
                    policies,
                    policyRevision: next(99),
                    errorCode: -32_000,
                    upstreamMs: 1.5,
                    requestBytes: 9,
                    isToolError: true,
                  }),
            },
          }
        : {
            ...common,
            type: 'token.refused',
            at: next(1e9),
            detail: { text: texts[next(texts.length)], n: 1.5, b: true },
          },
    );
  }
  const textsIn = (value: unknown): string[] =>
    typeof value === 'string' ? [value] : value instanceof Object ? Object.values(value).flatMap(textsIn) : [];

  it('becomes events as the trail declares them, of texts that a JSON column can hold (R79, S10)', () => {
    for (let number = 1; number <= 2_000; number++) {
      const events = toEvents(recordNumber(number));
      expect(events.map((event) => AuditEvent.parse(event))).toStrictEqual(events);
      for (const text of textsIn(events)) {
        expect(text.length).toBeLessThanOrEqual(2_048);
        expect(text.isWellFormed() && !text.includes('\u0000')).toBe(true);
      }
    }
  });
});
