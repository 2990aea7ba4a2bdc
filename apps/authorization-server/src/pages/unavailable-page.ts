import { renderPage, unavailable, type RenderedPage } from '@sallyport/pages';

/** Paths at which a person reads the response in a browser. */
const PAGES = /^\/(?:authorize|interaction|federation|session)\b(?!.*\/backchannel-logout$)/;

export const isPage = (path: string): boolean => PAGES.test(path);

/** What a person reads at this path while the server cannot work; undefined where only programs ask. */
export function unavailablePage(path: string): RenderedPage | undefined {
  return isPage(path) ? renderPage(unavailable) : undefined;
}
