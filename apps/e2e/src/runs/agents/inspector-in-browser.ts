import type { Browser } from 'playwright-core';
import { demoUsers } from '@sallyport/demo';

const PAGE_MS = 30_000;
const PERSON = demoUsers.find(({ username }) => username === 'alice') ?? { username: '', password: '' };

/**
 * MCP Inspector's page, connecting to the gateway by itself and not through its own server: metadata, registration,
 * token and calls all come from a browser page of another origin.
 * @returns what its call is answered with, as the page shows it
 */
export async function inspectInBrowser(
  browser: Browser,
  { pageUrl, mcpUrl }: { pageUrl: string; mcpUrl: string },
): Promise<string> {
  const context = await browser.newContext();
  const said: string[] = [];
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(PAGE_MS);
    page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`));
    const settings = { lastConnectionType: 'direct', lastTransportType: 'streamable-http', lastSseUrl: mcpUrl };
    await page.addInitScript((wanted) => {
      for (const [key, value] of Object.entries(wanted)) globalThis.localStorage.setItem(key, value);
    }, settings);
    await page.goto(pageUrl);
    await page.getByRole('button', { name: 'Connect', exact: true }).click();
    // Our pages: who is it, at the identity provider, and may this agent.
    await page.getByRole('button', { name: /^Continue with/ }).click();
    await page.getByLabel(/user/i).fill(PERSON.username);
    await page.getByLabel(/password/i).fill(PERSON.password);
    await page.getByRole('button', { name: /sign in/i }).click();
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.getByText('Connected', { exact: true }).waitFor();
    await page.getByRole('tab', { name: 'Tools' }).click();
    await page.getByRole('button', { name: 'List Tools' }).click();
    await page.getByText('Who am I?').first().click();
    await page.getByRole('button', { name: 'Run Tool' }).click();
    const answer = page.getByText(/usr_[0-9a-z]{26}/).first();
    await answer.waitFor();
    return (await answer.textContent()) ?? '';
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${said.slice(-20).join('\n')}`, {
      cause: error,
    });
  } finally {
    await context.close();
  }
}
