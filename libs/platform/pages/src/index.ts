/**
 * Pages for people: one escaper, one look, one content security policy, and the headers a page is sent with. It owns
 * what every page has in common. What a page says is in the app that shows it; its forms are signed there, too.
 */
export { html } from './html.js';
export type { Html } from './html.js';
export { renderPage } from './page.js';
export type { Page, RenderedPage } from './page.js';
export { sendPage } from './send-page.js';
export type { PageReply } from './send-page.js';
export { alert, facts, minuteOf, moment, notice } from './elements.js';
export type { Fact } from './elements.js';
export { onwardPage } from './onward-page.js';
export { unavailable } from './unavailable-page.js';
