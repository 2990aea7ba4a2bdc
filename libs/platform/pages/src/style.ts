import { createHash } from 'node:crypto';

/** The one style sheet. Light or dark by the reader's choice; the contrast of each is WCAG 2.2 AA. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f5f6f8; --card: #fff; --ink: #17202e; --soft: #566274; --line: #d8dde5; --edge: #78859a;
  --accent: #1f5fbf; --on-accent: #fff; --warn: #8a4b00; --warn-ground: #fff5e5; --note-ground: #eaf1fc;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #12161d; --card: #1b212b; --ink: #e8ecf2; --soft: #a3afbf; --line: #333c4a; --edge: #7d8a9c;
    --accent: #8ab4f8; --on-accent: #0d1622; --warn: #ffc46b; --warn-ground: #33270f; --note-ground: #1d2b42;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
  background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif;
}
main {
  width: 100%; max-width: 32rem; padding: 1.75rem;
  background: var(--card); border: 1px solid var(--line); border-radius: .75rem;
}
.brand { margin: 0 0 1.25rem; color: var(--soft); font-size: .875rem; letter-spacing: .02em; }
h1, h2, h3, a, button, li, p { overflow-wrap: anywhere; }
h1 { margin: 0 0 .75rem; font-size: 1.375rem; line-height: 1.25; }
h2 { margin: 1.5rem 0 .25rem; font-size: 1.125rem; }
h3 { margin: 0; font-size: 1rem; }
p { margin: .5rem 0; }
ul { margin: .25rem 0 1rem; padding-left: 1.25rem; }
li { margin: .25rem 0; }
ul.entries { list-style: none; margin: 0; padding: 0; }
ul.entries > li { margin: 0; padding: 1rem 0; border-top: 1px solid var(--line); }
dl { margin: 1rem 0; border-top: 1px solid var(--line); }
dl div {
  display: grid; grid-template-columns: 8.5rem minmax(0, 1fr); gap: .5rem;
  padding: .5rem 0; border-bottom: 1px solid var(--line);
}
ul.entries dl { margin: .5rem 0; border: 0; }
ul.entries dl div { padding: .125rem 0; border: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
code { font-size: .875em; overflow-wrap: anywhere; }
pre { margin: .5rem 0; white-space: pre-wrap; }
summary { cursor: pointer; }
.soft { color: var(--soft); font-size: .875rem; }
.mark {
  display: inline-block; padding: 0 .5rem; font-size: .875rem;
  color: var(--warn); border: 1px solid currentColor; border-radius: .5rem;
}
.warning, [role=alert], [role=status] { padding: .625rem .875rem; border-left: .25rem solid; border-radius: .25rem; }
.warning, [role=alert] { border-color: var(--warn); background: var(--warn-ground); }
[role=status] { border-color: var(--accent); background: var(--note-ground); }
form { margin: 1.25rem 0 0; display: grid; grid-template-columns: minmax(0, 1fr); gap: .625rem; }
form p { margin: 0; }
ul.entries form { display: inline-block; margin: .5rem .5rem 0 0; }
label { color: var(--soft); }
input {
  font: inherit; width: 100%; padding: .5rem .75rem; color: var(--ink); background: var(--card);
  border: 1px solid var(--edge); border-radius: .5rem;
}
button, .button {
  font: inherit; display: inline-block; padding: .625rem 1rem; border: 1px solid var(--edge); border-radius: .5rem;
  background: transparent; color: var(--ink); text-align: center; text-decoration: none; cursor: pointer;
}
ul.entries button { padding: .375rem .75rem; font-size: .9375rem; }
p > .button { margin-top: .5rem; }
button.primary, .button {
  background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600;
}
a { color: var(--accent); }
a:focus-visible, button:focus-visible, input:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
@media (max-width: 24rem) {
  main { padding: 1.25rem; }
  dl div, ul.entries dl div { grid-template-columns: minmax(0, 1fr); gap: 0; padding: .25rem 0; }
}
`
  .trim()
  .replaceAll(/\s+/g, ' ')
  .replaceAll(/ ?([{}:;,]) ?/g, '$1');

/** Base64 SHA-256 of the style sheet, as a content security policy names it. */
export const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');
