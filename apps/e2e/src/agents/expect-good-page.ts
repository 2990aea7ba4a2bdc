import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { accessibilityProblems } from './open-browser.js';

/** What every page of ours must be, whatever it says. */
export async function expectGoodPage(page: Page): Promise<void> {
  expect(await accessibilityProblems(page)).toEqual([]);
  expect(await page.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth')).toBe(
    true,
  );
  expect(
    await page.evaluate(
      "[...document.querySelectorAll('script, [style], [src], link')].length + [...document.querySelectorAll('*')].filter((e) => e.getAttributeNames().some((n) => n.startsWith('on'))).length",
    ),
  ).toBe(0);
  expect(await page.locator('h1').count()).toBe(1);
}
