import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';

const STYLE = `
body{font:16px/1.5 system-ui,sans-serif;max-width:26rem;margin:12vh auto;padding:0 1rem;color:#1c2530;background:#f7f8fa}
main{background:#fff;border:1px solid #d9dee5;border-radius:12px;padding:1.5rem 1.75rem}
h1{font-size:1.25rem;margin:0 0 .5rem}label{display:block;margin:.75rem 0 .25rem}
input{width:100%;box-sizing:border-box;padding:.5rem;font:inherit;border:1px solid #b8c0cc;border-radius:6px}
button{margin:1rem .5rem 0 0;padding:.5rem 1rem;font:inherit;border:1px solid #2c4a7c;border-radius:6px;background:#2c4a7c;color:#fff}
button[value=deny]{background:#fff;color:#2c4a7c}.note{color:#5a6675;font-size:.9rem}.error{color:#a4262c}
`;
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** Text made safe for element content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Sends a small page without scripts. No `form-action`: browsers apply it to the redirects after a form too, which lead to other origins here. */
export function sendPage(reply: FastifyReply, page: { status?: number; title: string; body: string }): FastifyReply {
  return reply
    .code(page.status ?? 200)
    .headers({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'`,
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
    })
    .send(renderPage(page));
}

export function renderPage(page: { title: string; body: string }): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(page.title)}</title><style>${STYLE}</style></head><body><main><h1>${escapeHtml(page.title)}</h1>${page.body}</main></body></html>`;
}

/** A sign-in form that says who may sign in: these are demonstration accounts, and nobody should mistake them for more. */
export function signInForm(options: {
  action: string;
  accounts: readonly { username: string; password: string; note: string }[];
  error?: string | undefined;
}): string {
  const rows = options.accounts
    .map(
      (account) =>
        `<li><code>${escapeHtml(account.username)}</code> / <code>${escapeHtml(account.password)}</code> – ${escapeHtml(account.note)}</li>`,
    )
    .join('');
  return `${options.error === undefined ? '' : `<p class="error" role="alert">${escapeHtml(options.error)}</p>`}
<form method="post" action="${escapeHtml(options.action)}">
<label for="username">User name</label><input id="username" name="username" autocomplete="username" required autofocus>
<label for="password">Password</label><input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit" name="action" value="sign-in">Sign in</button>
</form>
<p class="note">A demonstration with no real accounts. Sign in as one of:</p><ul class="note">${rows}</ul>`;
}
