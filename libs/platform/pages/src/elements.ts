import { html, type Html } from './html.js';

/** A term and what it is, e.g. `['Server', 'notes.example']`. */
export type Fact = readonly [term: string, description: string | Html];

/** A list of facts; one that is `undefined` or `false` is left out. */
export function facts(...entries: readonly (Fact | undefined | false)[]): Html {
  const present = entries.filter((entry): entry is Fact => entry !== undefined && entry !== false);
  return html`<dl>
${present.map(([term, description]) => html`<div><dt>${term}</dt><dd>${description}</dd></div>\n`)}</dl>`;
}

/** What has happened meanwhile; read out by a screen reader, and nothing when there is nothing to say. */
export const notice = (text: string | undefined): Html =>
  text === undefined ? html`` : html`<p role="status">${text}</p>`;

/** What is wrong with what was entered. */
export const alert = (text: string | undefined): Html =>
  text === undefined ? html`` : html`<p role="alert">${text}</p>`;

/** As people read it, e.g. `2026-11-30 08:15 UTC`. */
export const minuteOf = (time: Date): string => `${time.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

export const moment = (time: Date): Html => html`<time datetime="${time.toISOString()}">${minuteOf(time)}</time>`;
