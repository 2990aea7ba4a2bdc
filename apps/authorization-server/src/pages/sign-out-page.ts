import { cleanText } from '@sallyport/kernel';
import { html, type Html } from './html.js';
import { formTarget, page, type Page } from './page.js';

/** @param back where the browser goes afterwards, one of our own places */
export function signOutPage({ label, fields, back }: { label: string; fields: Html; back: string | undefined }): Page {
  const title = 'Sign out?';
  return page(
    title,
    html`<h1>${title}</h1>
<p>You are signed in as <strong>${cleanText(label, 254)}</strong> in this browser.</p>
<p>Agents you connected keep working for you, unless you end them as well.</p>
<form method="post" action="/session/end">
${fields}
${back !== undefined && html`<input type="hidden" name="return_to" value="${back}">`}
<button class="primary" type="submit" name="decision" value="browser">Sign out</button>
<button type="submit" name="decision" value="agents-too">Sign out and end the agents of this sign-in</button>
</form>`,
    // An identity provider's sign-out may lead through hosts of its own.
    ['https:', ...(back === undefined ? [] : [formTarget(back)])],
  );
}
