import { createHash } from 'node:crypto';
import { connectDatabase } from '@sallyport/database';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectLegacyAgent } from '../agents/legacy-agent.js';
import { connectModernAgent } from '../agents/modern-agent.js';
import { Person, type PersonName } from '../agents/person.js';
import { expectGoodPage } from '../agents/expect-good-page.js';
import { adminClient } from '../system/administrator.js';
import type { System } from '../system/system.js';

const PHONE = { viewport: { width: 360, height: 640 }, hasTouch: true } as const;

/**
 * The link an agent shows, opened in a real browser: sign-in, consent at the server, and the agent's call goes on. In
 * order: each user has one connection, and the tests tell what becomes of it.
 */
export function describeConnectingInABrowser(system: () => System, browser: () => Browser): void {
  const people = new Map<PersonName, Page>();
  const options = (name: PersonName, agent: string, openLink: (url: string) => Promise<unknown>) => ({
    gatewayUrl: system().gatewayUrl,
    name: agent,
    redirectUri: system().redirectUri,
    person: new Person(name, { agentRedirectUri: system().redirectUri }),
    openLink,
  });
  const title = (page: Page) => page.textContent('h1');

  /** This person's own browser, in which they sign in once. */
  async function browserOf(name: PersonName): Promise<Page> {
    const page = people.get(name) ?? (await (await browser().newContext(PHONE)).newPage());
    people.set(name, page);
    return page;
  }

  /** Opens an address of the control plane, and signs in on the way where nobody is yet. */
  async function open(name: PersonName, url: string): Promise<Page> {
    const page = await browserOf(name);
    await page.goto(url);
    await signIn(page, name);
    return page;
  }

  /** Where the page asks for it. */
  async function signIn(page: Page, name: PersonName): Promise<void> {
    const provider = page.getByRole('button', { name: 'Continue with Demo identity provider' });
    if ((await provider.count()) === 0) return;
    await provider.click();
    // The provider asks once; a second tab of the same browser comes back from it at once.
    await page.waitForURL((url) => !url.href.startsWith(system().issuer));
    if (page.url().startsWith(system().controlPlaneUrl)) return;
    await page.fill('#username', name);
    await page.fill('#password', name);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${system().controlPlaneUrl}/**`);
  }

  /** From our page over the notes service's sign-in and consent. */
  async function agreeAtNotes(page: Page, name: PersonName): Promise<void> {
    for (let pages = 0; pages < 4 && !page.url().startsWith(system().controlPlaneUrl); pages++) {
      const address = page.url();
      if (await page.locator('#username').count()) {
        await page.fill('#username', name);
        await page.fill('#password', `${name}-notes`);
        await page.keyboard.press('Enter');
      } else {
        await page
          .getByRole('button', { name: /allow|agree|continue/i })
          .first()
          .click();
      }
      await page.waitForURL((url) => url.href !== address);
    }
  }

  async function connect(name: PersonName, url: string): Promise<void> {
    const page = await open(name, url);
    expect(await title(page)).toBe('Connect your “Notes” account');
    await expectGoodPage(page);
    await page.getByRole('button', { name: 'Continue to “Notes”' }).click();
    await page.waitForURL((address) => !address.href.startsWith(system().controlPlaneUrl));
    await agreeAtNotes(page, name);
    expect(await title(page)).toBe('Connected');
    await expectGoodPage(page);
  }

  /** As if a link had been made at another time. */
  const endAt = async (url: string, time: number) => {
    const database = connectDatabase(system().databaseUrl);
    const handleDigest = createHash('sha256')
      .update(url.slice(url.lastIndexOf('/') + 1))
      .digest('base64url');
    expect(
      await database.connectTicket.updateMany({ where: { handleDigest }, data: { expiresAt: new Date(time) } }),
    ).toEqual({ count: 1 });
    await database.$disconnect();
  };
  const connectionsOf = async () => (await adminClient(system()).listConnections({ query: {} })).connections;

  describe('connecting in a browser', () => {
    beforeAll(async () => expect(await connectionsOf()).toEqual([]));
    afterAll(async () => {
      for (const page of people.values()) await page.context().close();
    });

    test('an agent of 2026-07-28 is told what input it needs, and the same call goes on once the account is connected (B2, R35)', async () => {
      const agent = await connectModernAgent(options('alice', 'Browser Agent', (url) => connect('alice', url)));
      expect(await agent.call('notes__connect')).toMatchObject({ isError: false });
      expect(await agent.call('notes__list_notes')).toMatchObject({ isError: false });
      expect(agent.openedLinks.length).toBe(1);
      await agent.close();
    });

    test('a second agent, of 2025-11-25, gets the link in error -32042 and has to be allowed before it uses the same connection (B2, S3)', async () => {
      const agent = await connectLegacyAgent(
        options('alice', 'Second Browser Agent', async (url) => {
          const page = await open('alice', url);
          expect(await title(page)).toBe('Let “Second Browser Agent” use your “Notes” account?');
          await expectGoodPage(page);
          await page.getByRole('button', { name: 'Allow' }).click();
          expect(await title(page)).toBe('Connected');
        }),
      );
      expect(await agent.call('notes__list_notes')).toMatchObject({ isError: false });
      expect([agent.openedLinks.length, (await connectionsOf()).length]).toEqual([1, 1]);
      await agent.close();
    });

    test('an agent that can show no link gets it in words, and one of 2025-11-25 connects a whole account by it too (B2, R36)', async () => {
      const inWords = await connectLegacyAgent({
        ...options('bob', 'Wordy Agent', (url) => connect('bob', url)),
        elicitation: false,
      });
      expect(await inWords.call('notes__connect')).toMatchObject({ isError: false });
      expect(await inWords.call('notes__list_notes')).toMatchObject({ isError: false });
      expect(inWords.openedLinks.length).toBe(1);
      await inWords.close();
      const legacy = await connectLegacyAgent(options('admin', 'Older Agent', (url) => connect('admin', url)));
      expect(await legacy.call('notes__connect')).toMatchObject({ isError: false });
      expect((await connectionsOf()).length).toBe(3);
      await legacy.close();
    });

    test('two tabs that one browser opened at once both come through their sign-in (S23, S31)', async () => {
      const context = await browser().newContext(PHONE);
      const tabs = [await context.newPage(), await context.newPage()];
      await Promise.all(tabs.map((tab) => tab.goto(`${system().controlPlaneUrl}/account`)));
      for (const tab of tabs) {
        await signIn(tab, 'alice');
        expect(await title(tab)).toBe('Your accounts and agents');
      }
      await context.close();
    });

    test('the account page shows it on a phone, and disconnects it by keyboard (R82, S23)', async () => {
      const page = await open('bob', `${system().controlPlaneUrl}/account`);
      expect(await title(page)).toBe('Your accounts and agents');
      expect(await page.textContent('main')).toMatch(/Notes.*State.*Works.*Wordy Agent/s);
      await expectGoodPage(page);
      await page.getByRole('button', { name: 'Disconnect “Notes”' }).focus();
      expect(
        await page.evaluate('Number.parseFloat(getComputedStyle(document.activeElement).outlineWidth)'),
      ).toBeGreaterThanOrEqual(2);
      await page.keyboard.press('Enter');
      await page.waitForSelector('[role=status]');
      expect(await page.textContent('[role=status]')).toMatch(/No agent can use that account any more/);
      await expectGoodPage(page);
      expect((await connectionsOf()).length).toBe(2);
    });

    test('the wrong person, an altered link and one that is too old connect nothing; the same link twice connects once (S23, R34)', async () => {
      const seen: string[] = [];
      const agent = await connectModernAgent(
        options('bob', 'Careful Agent', async (url) => {
          const wrong = await open('alice', url);
          seen.push((await title(wrong)) ?? '');
          await expectGoodPage(wrong);
          const altered = await open('bob', `${url.slice(0, -6)}${url.at(-6) === 'A' ? 'B' : 'A'}${url.slice(-5)}`);
          seen.push((await title(altered)) ?? '');
          await expectGoodPage(altered);
          await endAt(url, Date.now() - 60_000);
          const expired = await open('bob', url);
          seen.push((await title(expired)) ?? '');
          await expectGoodPage(expired);
          await endAt(url, Date.now() + 10 * 60_000);
          expect((await connectionsOf()).length).toBe(2);
          await connect('bob', url);
          const again = await open('bob', url);
          seen.push((await title(again)) ?? '');
        }),
      );
      expect(await agent.call('notes__list_notes').catch(() => agent.call('notes__connect'))).toMatchObject({
        isError: false,
      });
      expect(seen).toEqual([
        'This link is for somebody else',
        'This link is not valid',
        'This link has expired',
        'Connected',
      ]);
      expect((await connectionsOf()).length).toBe(3);
      await agent.close();
    });

    test("an attacker's own callback address, opened in a victim's browser, binds nothing to anybody (S23)", async () => {
      const theirs = await connectionsOf();
      for (const { id } of theirs) await adminClient(system()).removeConnection({ params: { id } });
      const attacker = new Person('bob', { agentRedirectUri: `${system().controlPlaneUrl}/connect/callback` });
      let callback = '';
      const agent = await connectModernAgent(
        options('bob', 'Agent of an attacker', async (url) => {
          const landing = await attacker.visit(url);
          if (landing.type === 'stopped') callback = landing.url.href;
        }),
      );
      await agent.call('notes__connect').catch(() => undefined);
      expect(callback).toMatch(/[?&]code=/);
      const victim = await open('alice', callback);
      expect(await title(victim)).toBe('This answer does not belong here');
      await expectGoodPage(victim);
      expect(await connectionsOf()).toEqual([]);
      expect(await title(await open('bob', callback))).toBe('This answer does not belong here'); // spent by then
      await agent.close();
    });
  });
}
