import chromium from '@sparticuz/chromium';
import axe from 'axe-core';
import { chromium as playwright } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

/** A real Chromium, from a package: no system library and no installed browser is needed. */
export async function openBrowser(): Promise<Browser> {
  // Not the package's own arguments: those are for functions in a cloud, and switch off what is tested here.
  return playwright.launch({
    executablePath: await chromium.executablePath(),
    args: ['--no-sandbox', '--disable-gpu'],
    headless: true,
  });
}

/** What axe-core finds wrong with the page as it is shown now (WCAG 2.2 A and AA), in a line each. */
export async function accessibilityProblems(page: Page): Promise<string[]> {
  await page.evaluate(axe.source); // by the debugger: the page's own policy lets no script run
  const { violations } = (await page.evaluate(
    "axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })",
  )) as axe.AxeResults;
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary ?? ''}`),
  );
}
