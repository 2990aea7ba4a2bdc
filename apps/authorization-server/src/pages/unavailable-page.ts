import { messagePage } from './message-pages.js';
import type { Page } from './page.js';

/** Where a browser is, and a person reads the answer. */
const PAGES = /^\/(?:authorize|interaction|federation|session)\b(?!.*\/backchannel-logout$)/;

/** Nothing can be done here now; undefined where only programs ask. */
export function unavailablePage(path: string): Page | undefined {
  return PAGES.test(path)
    ? messagePage(
        'One moment, please',
        'Something this server stands on is away: it is starting, or waits for its database or configuration. Try again in a moment.',
      )
    : undefined;
}
