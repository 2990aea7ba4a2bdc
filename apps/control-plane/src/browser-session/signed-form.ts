import { createHmac } from 'node:crypto';
import { writeShown, type Shown } from '@sallyport/authorization';
import { constantTimeEqual } from '@sallyport/kernel';
import { html, type Html } from '@sallyport/pages';

/** The hidden fields every form has: what its page shows, signed with what only that page's reader has (S23, S35). */
export interface SignedFields {
  readonly csrf: string;
  readonly shown: string;
}

/**
 * @param key of the browser session, or of the link that leads to the page
 * @param action the path the form is posted to: a form of another place does not stand in for it
 */
export function formFields(key: string, action: string, shown: Shown): Html {
  const text = writeShown(shown);
  return html`<input type="hidden" name="csrf" value="${tokenOf(key, action, text)}">
<input type="hidden" name="shown" value="${text}">`;
}

/**
 * Reads what the page of this form showed.
 * @returns `undefined` when the form is not ours, or was made for another session or place
 */
export function readForm(key: string, action: string, { csrf, shown }: SignedFields): string | undefined {
  return constantTimeEqual(csrf, tokenOf(key, action, shown)) ? shown : undefined;
}

/** Said on a page that is shown again. */
export const CHANGED = 'Nothing was done: what this page showed changed while it was open. This is how it is now.';

function tokenOf(key: string, action: string, shown: string): string {
  return createHmac('sha256', key).update(`${action}\n${shown}`).digest('base64url');
}
