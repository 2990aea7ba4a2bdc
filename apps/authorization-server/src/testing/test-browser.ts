/**
 * A browser made of `fetch`: keeps cookies per origin and path, follows redirects and refreshes, fills in forms, runs
 * no script.
 */
export interface BrowserPage {
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  readonly html: string;
  readonly forms: readonly BrowserForm[];
}
export interface BrowserForm {
  readonly action: URL;
  readonly fields: Readonly<Record<string, string>>;
  readonly buttons: readonly { readonly name: string; readonly value: string; readonly text: string }[];
}
interface Cookie {
  readonly name: string;
  value: string;
  readonly path: string;
  readonly host: string;
  readonly attributes: string;
}

export class TestBrowser {
  readonly cookies: Cookie[] = [];
  /** Sent with every request. */
  headers: Record<string, string> = {};
  /** Every URL visited, in order. */
  readonly visited: string[] = [];

  /**
   * Goes to `url` and on through redirects, until a page or until one leads to `stopAt`, which is returned unvisited.
   */
  async open(url: string | URL, stopAt: string): Promise<BrowserPage> {
    return this.#go(new URL(url), { method: 'GET' }, stopAt);
  }

  /** Opens several pages at once: none of the requests has a cookie that a response to another one sets. */
  async openAtOnce(urls: readonly (string | URL)[], stopAt: string): Promise<BrowserPage[]> {
    const before = new Set(this.cookies.map(({ value }) => value));
    const tabs = urls.map(() => new TestBrowser());
    for (const tab of tabs) tab.cookies.push(...this.cookies);
    const pages = await Promise.all(tabs.map((tab, index) => tab.open(urls[index] ?? '', stopAt)));
    for (const cookie of tabs.flatMap((tab) => tab.cookies)) if (!before.has(cookie.value)) this.#put(cookie);
    return pages;
  }

  /** Presses a button, by its text, of the page's forms. */
  async press(
    page: BrowserPage,
    text: string | RegExp,
    stopAt: string,
    changes: Record<string, string> = {},
  ): Promise<BrowserPage> {
    for (const form of page.forms) {
      const button = form.buttons.find((candidate) =>
        typeof text === 'string' ? candidate.text === text : text.test(candidate.text),
      );
      if (!button) continue;
      const body = new URLSearchParams({
        ...form.fields,
        ...(button.name ? { [button.name]: button.value } : {}),
        ...changes,
      });
      return this.#go(
        form.action,
        {
          method: 'POST',
          body,
          headers: { origin: form.action.origin, 'content-type': 'application/x-www-form-urlencoded' },
        },
        stopAt,
      );
    }
    throw new Error(
      `no button ${text} on ${page.url.href} (${page.status}):\n${page.html.replace(/<style>[\s\S]*<\/style>/, '').slice(0, 1500)}`,
    );
  }

  async #go(start: URL, init: RequestInit, stopAt: string): Promise<BrowserPage> {
    let url = start;
    let request = init;
    for (let hops = 0; hops < 15; hops++) {
      if (url.href.startsWith(stopAt)) return { url, status: 0, headers: new Headers(), html: '', forms: [] };
      this.visited.push(url.href);
      const response = await fetch(url, {
        ...request,
        redirect: 'manual',
        headers: {
          ...this.headers,
          ...(request.headers as Record<string, string> | undefined),
          cookie: this.#cookiesFor(url),
          accept: 'text/html',
        },
      });
      this.#keep(url, response.headers.getSetCookie());
      const location = response.headers.get('location');
      if (!location) {
        const html = await response.text();
        const onward = /<meta http-equiv="refresh" content="0; url=([^"]+)">/.exec(html)?.[1];
        if (onward !== undefined) {
          [url, request] = [new URL(unescape(onward), url), { method: 'GET' }];
          continue;
        }
        return { url, status: response.status, headers: response.headers, html, forms: formsOf(html, url) };
      }
      await response.body?.cancel();
      url = new URL(location, url);
      request = { method: 'GET' };
    }
    throw new Error(`too many redirects, at ${url.href}`);
  }

  #cookiesFor(url: URL): string {
    // Ports do not separate cookies: a host's cookies go to every port of it.
    return this.cookies
      .filter(
        ({ host, path }) =>
          host === url.hostname &&
          (url.pathname === path || url.pathname.startsWith(path.endsWith('/') ? path : `${path}/`)),
      )
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ');
  }

  #keep(url: URL, headers: readonly string[]): void {
    for (const header of headers) {
      const [pair = '', ...attributes] = header.split(';').map((part) => part.trim());
      const name = pair.slice(0, pair.indexOf('='));
      const value = pair.slice(pair.indexOf('=') + 1);
      const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? '/';
      const isRemoved = value === '' || attributes.some((attribute) => /^expires=Thu, 01 Jan 1970/i.test(attribute));
      this.#put({ name, value: isRemoved ? '' : value, path, host: url.hostname, attributes: attributes.join('; ') });
    }
  }

  /** An empty value removes it. */
  #put(cookie: Cookie): void {
    const { name, path, host } = cookie;
    const index = this.cookies.findIndex((kept) => kept.name === name && kept.path === path && kept.host === host);
    if (index >= 0) this.cookies.splice(index, 1);
    if (cookie.value !== '') this.cookies.push(cookie);
  }
}

/** Where the link of an error page leads that nobody is sent to without a click. */
export function wayBack(page: BrowserPage): URL {
  const href = /<a href="([^"]+)" rel="noreferrer">Return to /.exec(page.html)?.[1];
  if (href === undefined || page.status < 400) throw new Error(`no way back on ${page.url.href} (${page.status})`);
  return new URL(unescape(href));
}

const unescape = (text: string) =>
  text.replace(
    /&(amp|lt|gt|quot|#39|#96);/g,
    (_match, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#96': '`' })[name] ?? '',
  );
const attribute = (tag: string, name: string) => unescape(new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? '');

function formsOf(html: string, base: URL): BrowserForm[] {
  return [...html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].map(([, tag = '', content = '']) => ({
    action: new URL(attribute(tag, 'action'), base),
    fields: Object.fromEntries(
      [...content.matchAll(/<input\b([^>]*)>/g)].map(([, input = '']) => [
        attribute(input, 'name'),
        attribute(input, 'value'),
      ]),
    ),
    buttons: [...content.matchAll(/<button\b([^>]*)>([^<]*)<\/button>/g)].map(([, button = '', text = '']) => ({
      name: attribute(button, 'name'),
      value: attribute(button, 'value'),
      text: unescape(text),
    })),
  }));
}
