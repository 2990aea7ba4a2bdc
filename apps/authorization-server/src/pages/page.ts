import { createHash } from 'node:crypto';
import { html, Html } from './html.js';

export interface Page {
  readonly html: string;
  readonly contentSecurityPolicy: string;
}

const STYLE = `
:root{color-scheme:light dark;--ground:#f5f6f8;--card:#fff;--ink:#17202e;--soft:#566274;--line:#d8dde5;--accent:#1f5fbf;--on-accent:#fff;--warn:#8a4b00;--warn-ground:#fff5e5}
@media (prefers-color-scheme:dark){:root{--ground:#12161d;--card:#1b212b;--ink:#e8ecf2;--soft:#a3afbf;--line:#333c4a;--accent:#8ab4f8;--on-accent:#0d1622;--warn:#ffc46b;--warn-ground:#33270f}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--ground);color:var(--ink);font:1rem/1.5 system-ui,sans-serif}
main{width:100%;max-width:30rem;padding:1.75rem;background:var(--card);border:1px solid var(--line);border-radius:.75rem}
.brand{margin:0 0 1.25rem;color:var(--soft);font-size:.875rem;letter-spacing:.02em}
h1{margin:0 0 .75rem;font-size:1.375rem;line-height:1.25;overflow-wrap:anywhere}
h2{margin:1.25rem 0 .25rem;font-size:1rem}
p{margin:.5rem 0}
dl{margin:1rem 0;border-top:1px solid var(--line)}
dl div{display:grid;grid-template-columns:8.5rem 1fr;gap:.5rem;padding:.5rem 0;border-bottom:1px solid var(--line)}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
ul{margin:.25rem 0 1rem;padding-left:1.25rem}li{margin:.25rem 0}
code{font-size:.875em;overflow-wrap:anywhere}
.warning{padding:.625rem .875rem;border-left:.25rem solid var(--warn);background:var(--warn-ground);border-radius:.25rem}
.soft{color:var(--soft);font-size:.875rem}
form{margin:1.25rem 0 0;display:grid;grid-template-columns:minmax(0,1fr);gap:.625rem}
button{font:inherit;padding:.7rem 1rem;border-radius:.5rem;border:1px solid var(--line);background:transparent;color:var(--ink);cursor:pointer}
button.primary{background:var(--accent);border-color:var(--accent);color:var(--on-accent);font-weight:600}
a{color:var(--accent)}a,button{overflow-wrap:anywhere}
a:focus-visible,button:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
@media (max-width:24rem){dl div{grid-template-columns:1fr;gap:0}}
`.trim();
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/**
 * A whole document: no script, one hashed style sheet, nothing loaded, nobody may frame it.
 * @param formTargets origins or schemes a form's redirects may end at: browsers apply `form-action` to the whole chain
 */
export function page(title: string, body: Html, formTargets: readonly string[] = []): Page {
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · Sallyport</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<main>
<p class="brand">Sallyport</p>
${body}
</main>
</body>
</html>
`;
  const formAction = [
    "'self'",
    ...new Set(formTargets.filter((target) => /^[a-z][a-z0-9+.-]*:(?:\/\/[A-Za-z0-9.:-]+)?$/.test(target))),
  ].join(' ');
  return {
    html: document.text,
    contentSecurityPolicy: `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action ${formAction}; frame-ancestors 'none'`,
  };
}

/** How a URL is named in `form-action`: an origin, or its scheme where no origin can be written (IPv6, private-use schemes). */
export function formTarget(uri: string): string {
  const url = URL.parse(uri);
  if (!url) return '';
  return (url.protocol === 'http:' || url.protocol === 'https:') && !url.hostname.startsWith('[')
    ? url.origin
    : url.protocol;
}
