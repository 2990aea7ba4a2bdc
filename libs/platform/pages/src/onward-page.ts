import { html } from './html.js';
import type { Page } from './page.js';

/** The end of what a form began: the browser goes on by itself from here, and a link leads there too. */
export function onwardPage({
  title,
  words = 'You are being sent on. If nothing happens, use the link.',
  to,
  link,
}: {
  readonly title: string;
  readonly words?: string;
  readonly to: string;
  /** What the link says. */
  readonly link: string;
}): Page {
  return { title, continueTo: to, body: html`<p>${words}</p><p><a class="button" href="${to}">${link}</a></p>` };
}
