import { cleanText } from '@sallyport/kernel';
import { html, type Html, type Page } from '@sallyport/pages';

interface SignOutQuestion {
  /** Of the user, e.g. their e-mail address. */
  readonly label: string;
  readonly fields: Html;
  /** Where the browser goes afterwards, one of our own places. */
  readonly back: string | undefined;
}

export const signOutPage = ({ label, fields, back }: SignOutQuestion): Page => ({
  title: 'Sign out?',
  body: html`<p>You are signed in as <strong>${cleanText(label, 254)}</strong> in this browser.</p>
<p>Agents you connected keep working for you, unless you end them as well.</p>
<form method="post" action="/session/end">
${fields}
${back !== undefined && html`<input type="hidden" name="return_to" value="${back}">`}
<button class="primary" type="submit" name="decision" value="browser">Sign out</button>
<button type="submit" name="decision" value="agents-too">Sign out and end the agents of this sign-in</button>
</form>`,
});
