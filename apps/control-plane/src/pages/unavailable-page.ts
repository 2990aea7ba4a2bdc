import { html } from './html.js';
import { renderPage } from './page.js';

/** Where a browser is, and a person reads the answer. */
const PAGES = /^\/(?:connect|account|session)\b/;

/** Nothing can be done here now; undefined where only programs ask. */
export function unavailablePage(path: string): ReturnType<typeof renderPage> | undefined {
  const body = html`<p>Something this server stands on is away: it is starting, or waits for its database or configuration. Try again in a moment.</p>`;
  return PAGES.test(path) ? renderPage({ title: 'One moment, please', body }) : undefined;
}
