import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { Html, html } from './html.js';

const STYLE = `:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{margin:0;display:grid;min-height:100vh;place-items:center}
main{max-width:32rem;padding:2rem 1.5rem}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 1rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem}
dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}
button,.button{display:inline-block;font:inherit;font-weight:600;padding:.625rem 1.25rem;border:2px solid #1d4ed8;border-radius:.5rem;background:#1d4ed8;color:#fff;cursor:pointer;text-decoration:none}
button,.button,h1,h3{overflow-wrap:anywhere}main>form button{margin:0 .5rem .5rem 0}
[role=status]{padding:.625rem .875rem;border-left:.25rem solid #1d4ed8}
input[type=password],#username{font:inherit;box-sizing:border-box;width:100%;padding:.5rem;border:2px solid #6b7280;border-radius:.5rem}
h2{font-size:1.25rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:0 0 .5rem}
ul{list-style:none;margin:0;padding:0}li{border-top:1px solid #6b7280;padding:1rem 0}
li form{display:inline-block;margin:.75rem .75rem 0 0}
.mark{display:inline-block;padding:0 .5rem;border:2px solid currentColor;border-radius:.5rem}
button:focus-visible,a:focus-visible,input:focus-visible{outline:3px solid #f59e0b;outline-offset:2px}`;
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

export interface Page {
  readonly status?: number;
  readonly title: string;
  readonly body: Html;
  /** Where the browser goes next by itself; a link is shown as well. */
  readonly continueTo?: string;
}

/** A page that runs no script, loads nothing, cannot be framed and posts only to us. */
export function renderPage({ title, body, continueTo }: Page): {
  readonly html: string;
  readonly contentSecurityPolicy: string;
} {
  const refresh =
    continueTo === undefined ? new Html('') : html`<meta http-equiv="refresh" content="0; url=${continueTo}">`;
  const document = html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">${refresh}<title>${title} – Sallyport</title><style>${new Html(STYLE)}</style></head>
<body><main><h1>${title}</h1>${body}</main></body>
</html>`;
  return {
    html: document.text,
    contentSecurityPolicy: `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
  };
}

export function sendPage(reply: FastifyReply, page: Page): void {
  const { html: document, contentSecurityPolicy } = renderPage(page);
  void reply
    .status(page.status ?? 200)
    .header('content-type', 'text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('content-security-policy', contentSecurityPolicy)
    .header('referrer-policy', 'same-origin')
    .send(document);
}
