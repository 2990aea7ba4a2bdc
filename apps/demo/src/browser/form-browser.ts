import { parse, type HTMLElement } from 'node-html-parser';
import { CookieJar } from 'tough-cookie';
import { request, type Dispatcher } from 'undici';
import { SallyportError } from '@sallyport/kernel';

export interface Page {
  readonly url: URL;
  readonly status: number;
  readonly title: string;
  /** The text a user would read, with white space collapsed. */
  readonly text: string;
  readonly html: string;
  readonly forms: readonly Form[];
}

export interface Form {
  readonly method: 'GET' | 'POST';
  readonly action: URL;
  /** Current values of all controls but buttons: hidden and pre-filled ones too. */
  readonly fields: Readonly<Record<string, string>>;
  readonly buttons: readonly Button[];
  readonly hasPassword: boolean;
}

export interface Button {
  readonly label: string;
  readonly name: string | undefined;
  readonly value: string;
}

/** A page to look at, or the URL the browser was told to stop at instead of opening it. */
export type Landing = { type: 'page'; page: Page } | { type: 'stopped'; url: URL };

export interface FormBrowserOptions {
  /** URLs not to open: an agent's redirect URI, whose query is the answer. */
  stopAt?: (url: URL) => boolean;
  /** For a test authority's certificates. */
  dispatcher?: Dispatcher;
}

const MAX_REDIRECTS = 20;

/**
 * A browser without scripts. It keeps cookies as browsers do, follows redirects, fills in forms and submits them. One
 * instance is one user's browser.
 */
export class FormBrowser {
  readonly jar = new CookieJar();
  readonly #options: FormBrowserOptions;

  constructor(options: FormBrowserOptions = {}) {
    this.#options = options;
  }

  open(url: string | URL): Promise<Landing> {
    return this.#go(new URL(url), { method: 'GET' });
  }

  /**
   * Submits the form the button is in (the first form without one). `fields` overwrite what the page filled in.
   * Throws `form_not_found` when the page has no such form.
   */
  submit(page: Page, choice: { button?: Button; fields?: Record<string, string> } = {}): Promise<Landing> {
    const form = page.forms.find(({ buttons }) => choice.button === undefined || buttons.includes(choice.button));
    if (form === undefined)
      throw new SallyportError(
        'form_not_found',
        `The page "${page.title}" at ${page.url.origin}${page.url.pathname} has no such form.`,
      );
    const values = new URLSearchParams({ ...form.fields, ...choice.fields });
    if (choice.button?.name !== undefined) values.set(choice.button.name, choice.button.value);
    if (form.method === 'POST')
      return this.#go(form.action, { method: 'POST', body: values.toString(), from: page.url });
    const action = new URL(form.action);
    action.search = values.toString();
    return this.#go(action, { method: 'GET', from: page.url });
  }

  async #go(target: URL, first: { method: 'GET' | 'POST'; body?: string; from?: URL }): Promise<Landing> {
    let url = target;
    let { method, body } = first;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      if (this.#options.stopAt?.(url)) return { type: 'stopped', url };
      const response = await request(url, {
        method,
        headers: {
          accept: 'text/html,application/xhtml+xml',
          'user-agent': 'sallyport-demo-browser',
          ...(await this.#cookies(url, method, first.from)),
          ...(method === 'POST' && first.from
            ? { origin: first.from.origin, 'content-type': 'application/x-www-form-urlencoded' }
            : {}),
        },
        ...(body === undefined ? {} : { body }),
        ...(this.#options.dispatcher ? { dispatcher: this.#options.dispatcher } : {}),
      });
      for (const cookie of [response.headers['set-cookie'] ?? []].flat())
        await this.jar.setCookie(cookie, url.href, { ignoreError: true });
      const html = await response.body.text();
      const location = [response.headers['location'] ?? []].flat()[0];
      const isRedirect = response.statusCode >= 300 && response.statusCode <= 399 && location !== undefined;
      const next = isRedirect ? location : refreshOf(html);
      if (next === undefined) return { type: 'page', page: readPage(url, response.statusCode, html) };
      url = new URL(next, url);
      if (!isRedirect || (response.statusCode !== 307 && response.statusCode !== 308)) {
        method = 'GET';
        body = undefined;
      }
    }
    throw new SallyportError(
      'too_many_redirects',
      `More than ${MAX_REDIRECTS} redirects, last to ${url.origin}${url.pathname}.`,
    );
  }

  /** Same-site rules as in real browsers, where ports do not separate sites: everything on one host is one site. */
  async #cookies(url: URL, method: 'GET' | 'POST', from: URL | undefined): Promise<Record<string, string>> {
    const sameSite = from === undefined || from.hostname === url.hostname;
    const cookie = await this.jar.getCookieString(url.href, {
      sameSiteContext: sameSite ? 'strict' : method === 'GET' ? 'lax' : 'none',
    });
    return cookie === '' ? {} : { cookie };
  }
}

/** Where a page sends its reader on by itself, which browsers do without scripts too. */
function refreshOf(html: string): string | undefined {
  const content = parse(html).querySelector('meta[http-equiv="refresh" i]')?.getAttribute('content') ?? '';
  return /^\s*\d+\s*;\s*url\s*=\s*['"]?([^'"]+)/i.exec(content)?.[1];
}

function readPage(url: URL, status: number, html: string): Page {
  const root = parse(html);
  const scope = root.querySelector('main') ?? root.querySelector('body') ?? root;
  const title = (root.querySelector('h1') ?? root.querySelector('title'))?.textContent.trim() ?? '';
  return {
    url,
    status,
    title,
    text: scope.structuredText.replace(/\s+/g, ' ').trim(),
    html,
    forms: root.querySelectorAll('form').map((form) => readForm(form, root, url)),
  };
}

function readForm(form: HTMLElement, root: HTMLElement, url: URL): Form {
  const id = form.getAttribute('id');
  const belongs = (selector: string) => [
    ...form.querySelectorAll(selector),
    ...(id === undefined
      ? []
      : root.querySelectorAll(selector).filter((element) => element.getAttribute('form') === id)),
  ];
  const fields: Record<string, string> = {};
  for (const input of belongs('input')) {
    const name = input.getAttribute('name');
    const type = (input.getAttribute('type') ?? 'text').toLowerCase();
    if (name === undefined || type === 'submit' || type === 'button' || input.hasAttribute('disabled')) continue;
    if ((type === 'checkbox' || type === 'radio') && !input.hasAttribute('checked')) continue;
    fields[name] = input.getAttribute('value') ?? (type === 'checkbox' ? 'on' : '');
  }
  for (const area of belongs('textarea')) fields[area.getAttribute('name') ?? ''] = area.textContent;
  for (const select of belongs('select')) {
    const options = select.querySelectorAll('option');
    fields[select.getAttribute('name') ?? ''] =
      (options.find((option) => option.hasAttribute('selected')) ?? options[0])?.getAttribute('value') ?? '';
  }
  delete fields[''];
  const isSubmit = (element: HTMLElement) =>
    (element.getAttribute('type') ?? 'submit').toLowerCase() === 'submit' && !element.hasAttribute('disabled');
  const buttons = [...belongs('button').filter(isSubmit), ...belongs('input[type=submit]')].map((element) => ({
    label: (element.tagName === 'INPUT' ? (element.getAttribute('value') ?? 'Submit') : element.textContent)
      .replace(/\s+/g, ' ')
      .trim(),
    name: element.getAttribute('name'),
    value: element.getAttribute('value') ?? '',
  }));
  return {
    method: (form.getAttribute('method') ?? 'get').toUpperCase() === 'POST' ? 'POST' : 'GET',
    action: new URL(form.getAttribute('action') || url.href, url),
    fields,
    buttons,
    hasPassword: belongs('input[type=password]').length > 0,
  };
}
