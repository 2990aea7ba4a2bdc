import { codeOf } from '@sallyport/audit';
import { DETAIL_MEANINGS, OPEN_DETAILS } from '@sallyport/audit/testing';
import { describe, expect, test } from 'vitest';
import { administrator } from '../system/administrator.js';
import type { System } from '../system/system.js';

/** After people signed in, connected, called and were refused: what the trail has of it. */
export function describeEventsAsDocumented(system: () => System): void {
  describe('the trail of all that happened', () => {
    test('has a code, an outcome and no detail that docs/events.md does not explain, whoever wrote it (R79, R80)', async () => {
      const events = await administrator(system()).events();
      expect(new Set(events.map(({ replica }) => replica)).size).toBeGreaterThanOrEqual(3);
      const explained = new Set(Object.keys(DETAIL_MEANINGS));
      for (const { type, code, outcome, detail } of events) {
        expect(code, type).toBe(codeOf(type, outcome));
        if (OPEN_DETAILS.has(type)) continue;
        expect(
          Object.keys(detail).filter((name) => !explained.has(name)),
          type,
        ).toEqual([]);
      }
    });

    test('names the user, the server and the account beside their ids, and says from where and how long (R79)', async () => {
      const calls = (await administrator(system()).events({ type: 'mcp.response', server: 'notes' })).filter(
        ({ tool, outcome, detail }) => tool !== undefined && outcome === 'success' && 'connectionId' in detail,
      );
      const call = calls.at(-1) ?? expect.fail('nobody called a tool of notes');
      expect(call).toMatchObject({
        code: 'SPG02I',
        userName: expect.stringMatching(/^\S/),
        serverTitle: expect.stringMatching(/^\S/),
        agentName: expect.stringMatching(/^\S/),
        address: expect.stringMatching(/^(?:127\.0\.0\.1|::1)$/),
        detail: { policies: { gatewayToServer: expect.any(String) }, policyRevision: expect.any(Number) },
      });
      const { durationMs, upstreamMs, overheadMs, requestBytes, responseBytes } = call.detail;
      expect(Number(upstreamMs) + Number(overheadMs)).toBeCloseTo(Number(durationMs), 2);
      expect(Math.min(Number(requestBytes), Number(responseBytes))).toBeGreaterThan(0);
    });
  });
}
