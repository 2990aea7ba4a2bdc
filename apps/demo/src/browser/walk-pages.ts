import { SallyportError } from '@sallyport/kernel';
import type { Button, Form, FormBrowser, Landing, Page } from './form-browser.js';

export interface Visitor {
  /** What this user types in the sign-in form of that page; undefined when they have no account there. */
  credentials(page: Page): { username: string; password: string } | undefined;
  /** Called for every page, with what was done there. */
  onStep?: (step: { page: Page; action: string }) => void;
}

const REFUSING = /\b(deny|cancel|refuse|reject|decline|sign out|not|no)\b/i;
const MAX_PAGES = 15;

/**
 * Acts as a willing user: signs in and agrees wherever a page asks for it, until the browser stops at a URL (`stopped`)
 * or at a page with nothing to submit (`page`).
 * @throws SallyportError `page_refused` for an error page or refused credentials
 */
export async function walkPages(browser: FormBrowser, start: Landing, visitor: Visitor): Promise<Landing> {
  let landing = start;
  for (let seen = 0; seen < MAX_PAGES; seen++) {
    if (landing.type === 'stopped') return landing;
    const { page } = landing;
    if (page.status >= 400)
      throw new SallyportError(
        'page_refused',
        `${page.url.origin}${page.url.pathname} answered ${page.status}: ${page.text.slice(0, 300)}`,
      );
    const next = choose(page);
    if (next === undefined) return landing;
    landing = await act(browser, page, next, visitor);
  }
  throw new SallyportError('too_many_pages', `More than ${MAX_PAGES} pages without an end.`);
}

function choose(page: Page): { form: Form; button: Button | undefined } | undefined {
  for (const form of page.forms) {
    const button = form.buttons.find(({ label, value }) => !REFUSING.test(label) && !REFUSING.test(value));
    if (button !== undefined || form.hasPassword) return { form, button };
  }
  return undefined;
}

function act(
  browser: FormBrowser,
  page: Page,
  { form, button }: { form: Form; button: Button | undefined },
  visitor: Visitor,
): Promise<Landing> {
  if (!form.hasPassword) {
    visitor.onStep?.({ page, action: button?.label ?? 'submit' });
    return browser.submit(page, button === undefined ? {} : { button });
  }
  const credentials = visitor.credentials(page);
  if (credentials === undefined)
    throw new SallyportError('page_refused', `No account for the sign-in page of ${page.url.origin}.`);
  visitor.onStep?.({ page, action: `sign in as ${credentials.username}` });
  return browser.submit(page, { ...(button === undefined ? {} : { button }), fields: { ...credentials } });
}
