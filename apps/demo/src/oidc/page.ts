import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import type { Configuration } from 'oidc-provider';

const STYLE = `
body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1rem}
body{color:#1c2530;background:#f7f8fa}
main{background:#fff;border:1px solid #d9dee5;border-radius:12px;padding:1.5rem 1.75rem}
h1{font-size:1.25rem;margin:0 0 .5rem}label{display:block;margin:.75rem 0 .25rem}
input{width:100%;box-sizing:border-box;padding:.5rem;font:inherit;border:1px solid #b8c0cc;border-radius:6px}
button{margin:1rem .5rem 0 0;padding:.5rem 1rem;font:inherit;border:1px solid #2c4a7c;border-radius:6px}
button{background:#2c4a7c;color:#fff}
button[value=deny]{background:#fff;color:#2c4a7c}.note{color:#5a6675;font-size:.9rem}.error{color:#a4262c}
`;
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** Escapes text for element content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/**
 * Sends a small page without scripts. Its policy has no `form-action`: browsers apply that to the redirects after a
 * form, too, which lead to other origins here.
 */
export function sendPage(reply: FastifyReply, page: { status?: number; title: string; body: string }): FastifyReply {
  const style = `style-src 'sha256-${STYLE_HASH}'`;
  return reply
    .code(page.status ?? 200)
    .headers({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': `default-src 'none'; ${style}; frame-ancestors 'none'; base-uri 'none'`,
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    })
    .send(renderPage(page));
}

export function renderPage(page: { title: string; body: string }): string {
  const title = escapeHtml(page.title);
  return `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>
<style>${STYLE}</style></head>
<body><main><h1>${title}</h1>${page.body}</main></body></html>`;
}

/** Renders an error of oidc-provider as a page. */
export const renderOAuthError: NonNullable<Configuration['renderError']> = (ctx, out) => {
  ctx.type = 'html';
  ctx.body = renderPage({
    title: 'That did not work',
    body: `<p class="error">${escapeHtml(out.error)}: ${escapeHtml(out.error_description ?? '')}</p>`,
  });
};

/** A sign-in form that lists the accounts and their passwords, so that nobody mistakes them for real ones. */
export function signInForm(options: {
  action: string;
  accounts: readonly { username: string; password: string; note: string }[];
  error?: string | undefined;
}): string {
  const code = (text: string) => `<code>${escapeHtml(text)}</code>`;
  const rows = options.accounts
    .map(({ username, password, note }) => `<li>${code(username)} / ${code(password)} – ${escapeHtml(note)}</li>`)
    .join('');
  return `${options.error === undefined ? '' : `<p class="error" role="alert">${escapeHtml(options.error)}</p>`}
<form method="post" action="${escapeHtml(options.action)}">
<label for="username">User name</label><input id="username" name="username" autocomplete="username" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit" name="action" value="sign-in">Sign in</button>
</form>
<p class="note">A demonstration with no real accounts. Sign in as one of:</p><ul class="note">${rows}</ul>`;
}
