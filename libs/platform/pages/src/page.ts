import { html, Html } from './html.js';
import { STYLE, STYLE_HASH } from './style.js';

export interface Page {
  /** HTTP status; 200 unless it says otherwise. */
  readonly status?: number;
  /** In the window's title and as the heading. */
  readonly title: string;
  readonly body: Html;
  /** Where the browser goes next by itself. The body has a link there as well, for who is not taken there. */
  readonly continueTo?: string;
}

export interface RenderedPage {
  readonly html: string;
  /** Value of the header `Content-Security-Policy`. */
  readonly contentSecurityPolicy: string;
}

/**
 * No script, one hashed style sheet, nothing loaded, no frame around it, and forms that lead to us only. Browsers hold
 * a whole chain of redirects to `form-action`, so what follows a form ends on a page of ours (CSP Level 3 section
 * 6.4.2).
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${STYLE_HASH}'`,
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** Addresses at which a link or a refresh would run something instead of leading somewhere. */
const RUNS = /^\s*(?:javascript|data|vbscript|blob|about|file|view-source):/i;

/** A whole document. @throws TypeError when it would continue to what leads nowhere, e.g. `javascript:…` */
export function renderPage({ title, body, continueTo }: Page): RenderedPage {
  if (continueTo !== undefined && RUNS.test(continueTo)) throw new TypeError('a page leads to places only');
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${continueTo !== undefined && html`<meta http-equiv="refresh" content="0; url=${continueTo}">`}
<title>${title} · Sallyport</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<main>
<p class="brand">Sallyport</p>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;
  return { html: text, contentSecurityPolicy: CONTENT_SECURITY_POLICY };
}
