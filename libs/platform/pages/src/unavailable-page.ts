import { html } from './html.js';
import type { Page } from './page.js';

/** What a person reads while a server waits for something that it stands on. */
export const unavailable: Page = {
  status: 503,
  title: 'One moment, please',
  body: html`<p>Something this server stands on is away: it is starting, or waits for its database or configuration.
Try again in a moment.</p>`,
};
