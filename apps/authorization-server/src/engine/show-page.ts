import { renderPage, type Page } from '@sallyport/pages';
import type { KoaContextWithOIDC } from 'oidc-provider';

/** Answers the engine's request with a page of ours; its status is the engine's. */
export function showPage(ctx: Pick<KoaContextWithOIDC, 'type' | 'set' | 'body'>, page: Page): void {
  const { html, contentSecurityPolicy } = renderPage(page);
  ctx.type = 'html';
  ctx.set('Content-Security-Policy', contentSecurityPolicy);
  ctx.body = html;
}
