import { renderPage, unavailable, type RenderedPage } from '@sallyport/pages';

/** Paths at which a person reads the response in a browser. */
const PAGES = /^\/(?:connect|account|session)\b/;

/** What a person reads at this path while the server cannot work; undefined where only programs ask. */
export function unavailablePage(path: string): RenderedPage | undefined {
  return PAGES.test(path) ? renderPage(unavailable) : undefined;
}
