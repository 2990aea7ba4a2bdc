import { decodeJwt } from 'jose';
import { describe, expect, test } from 'vitest';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import { administrator } from '../system/administrator.js';
import type { System } from '../system/system.js';

/**
 * A gateway's next start ships what its last one left, and a control plane that starts again under its name takes at
 * once what its last one held: nobody waits for a time-out of the bus.
 */
const STORED_MS = 30_000;

export function describeRestart(system: () => System): void {
  describe('kill -9 in the middle of work and a restart on the same data', () => {
    test('loses no connection, no session, and no event of an answered call', async () => {
      const person = new Person('admin', { agentRedirectUri: system().redirectUri });
      const agent = await connectModernAgent({
        gatewayUrl: system().gatewayUrl,
        name: 'Survivor',
        redirectUri: system().redirectUri,
        person,
      });
      const { sub } = decodeJwt(agent.token());
      if ((await agent.toolNames()).includes('notes__connect')) await agent.call('notes__connect');
      await expect.poll(() => agent.toolNames()).toContain('notes__add_note');
      const links = agent.openedLinks.length;

      const answered: string[] = [];
      let killed: Promise<void> | undefined;
      for (let round = 0; round < 40 && killed === undefined; round++) {
        const text = `survivor ${round}`;
        const calls = [agent.call('notes__add_note', { text }), agent.call('whoami__whoami')];
        if (round === 20) killed = system().killAndRestart();
        const results = await Promise.allSettled(calls);
        if (results[0]?.status === 'fulfilled' && !results[0].value.isError) answered.push(text);
      }
      await killed;
      expect(answered.length).toBeGreaterThanOrEqual(20);

      const after = await agent.call('notes__list_notes');
      expect(after.isError).toBe(false);
      for (const text of answered) expect(after.text).toContain(text);
      expect(agent.openedLinks.length).toBe(links);

      await expect
        .poll(
          async () => {
            const events = await administrator(system()).events({ userId: String(sub), type: 'mcp.request' });
            return events.filter((event) => event.server === 'notes' && JSON.stringify(event).includes('add_note'))
              .length;
          },
          { timeout: STORED_MS },
        )
        .toBeGreaterThanOrEqual(answered.length);
      await agent.close();
    }, 240_000);
  });
}
