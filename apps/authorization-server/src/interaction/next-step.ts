import type { Page } from '@sallyport/pages';
import { messagePage } from '../pages/message-pages.js';

/** Where a browser goes next on its way through sign-in, consent and sign-out. */
export type NextStep =
  | { readonly type: 'page'; readonly page: Page }
  | { readonly type: 'redirect'; readonly to: string };

export const redirect = (to: string): NextStep => ({ type: 'redirect', to });
export const show = (page: Page, status = page.status ?? 200): NextStep => ({
  type: 'page',
  page: { ...page, status },
});

/** The authorization request was answered, or took too long. */
export const expired = show(messagePage('This request has expired', 'Go back to your agent and connect again.'), 400);

/** The form was not made for this browser and this request (S35). */
export const forged = show(
  messagePage(
    'This form cannot be used',
    'It was opened in another browser or too long ago. Go back to your agent and connect again.',
  ),
  403,
);
