import { describe, expect, test } from 'vitest';
import { connectLegacyAgent } from '../agents/legacy-agent.js';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person } from '../agents/person.js';
import type { System } from '../system/system.js';

/** What happens around the link that connects an account, beside the willing path. */
export function describeConnecting(system: () => System): void {
  const person = (name: 'alice' | 'bob' | 'admin') => new Person(name, { agentRedirectUri: system().redirectUri });

  describe('connecting an account', () => {
    test('an agent that can show no link gets it as text, and the same agent need not be asked again (R36, R38)', async () => {
      const agent = await connectLegacyAgent({
        gatewayUrl: system().gatewayUrl,
        name: 'Text Only Agent',
        redirectUri: system().redirectUri,
        person: person('admin'),
        elicitation: false,
      });
      const tools = await agent.toolNames();
      const [tool, args] = tools.includes('notes__connect')
        ? (['notes__connect', {}] as const)
        : (['notes__list_notes', {}] as const);
      expect(await agent.call(tool, args)).toMatchObject({ isError: false });
      expect(agent.openedLinks.length).toBe(1);
      expect((await agent.call('notes__list_notes')).isError).toBe(false);
      expect(agent.openedLinks.length).toBe(1);
      await agent.close();
    });

    test("a second agent of the user does not inherit the first one's consent silently (S3)", async () => {
      const first = await connectModernAgent({
        gatewayUrl: system().gatewayUrl,
        name: 'First Agent',
        redirectUri: system().redirectUri,
        person: person('admin'),
      });
      await first.call('notes__list_notes').catch(() => first.call('notes__connect'));
      const second = await connectModernAgent({
        gatewayUrl: system().gatewayUrl,
        name: 'Second Agent',
        redirectUri: system().redirectUri,
        person: person('admin'),
      });
      await second.call('notes__list_notes').catch(() => second.call('notes__connect'));
      expect(second.openedLinks.length).toBe(1);
      await first.close();
      await second.close();
    });

    test('a link opened by somebody else connects nothing and says why (R34, S23)', async () => {
      const bob = person('bob');
      const opened: { title: string; text: string; status: number }[] = [];
      const wrongPerson = person('alice');
      const agent = await connectModernAgent({
        gatewayUrl: system().gatewayUrl,
        name: 'Misled Agent',
        redirectUri: system().redirectUri,
        person: bob,
        openLink: async (url) => {
          const landing = await wrongPerson
            .visit(url)
            .catch((error: unknown) => ({ type: 'refused' as const, text: String(error) }));
          opened.push(
            landing.type === 'page'
              ? { title: landing.page.title, text: landing.page.text, status: landing.page.status }
              : { title: '', text: landing.type === 'refused' ? landing.text : landing.url.href, status: 0 },
          );
        },
      });
      const outcome = await agent
        .call('notes__list_notes')
        .catch(() => agent.call('notes__connect'))
        .catch((error: unknown) => ({ isError: true, text: String(error) }));
      expect(outcome.isError).toBe(true);
      expect(opened.length).toBeGreaterThan(0);
      expect(opened[0]?.text).toMatch(/for somebody else.*Nothing was connected/s);
      await agent.close();
    });
  });
}
