import { renderPage, type Page } from './page.js';

/** The part of a Fastify reply that a page needs. */
export interface PageReply {
  status(code: number): unknown;
  headers(values: Record<string, string>): unknown;
  send(body: string): unknown;
}

/** Answers a request with a page. */
export function sendPage(reply: PageReply, page: Page): void {
  const { html, contentSecurityPolicy } = renderPage(page);
  reply.status(page.status ?? 200);
  reply.headers({
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': contentSecurityPolicy,
    // Not `no-referrer`: a browser would then send `Origin: null` with our own forms, and the host guard refuses that.
    'referrer-policy': 'same-origin',
  });
  reply.send(html);
}
