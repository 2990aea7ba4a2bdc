import { demoUsers, FormBrowser, notesAccounts, walkPages } from '@sallyport/demo';
import type { Landing, Page } from '@sallyport/demo';
import type { Dispatcher } from 'undici';

export type PersonName = 'alice' | 'bob' | 'admin';

/** A willing person with one browser: signs in where asked, agrees where asked. */
export class Person {
  readonly name: PersonName;
  readonly #browser: FormBrowser;
  readonly #visited: Page[] = [];

  constructor(name: PersonName, options: { agentRedirectUri: string; dispatcher?: Dispatcher }) {
    this.name = name;
    this.#browser = new FormBrowser({
      stopAt: (url) => url.href.startsWith(options.agentRedirectUri),
      ...(options.dispatcher ? { dispatcher: options.dispatcher } : {}),
    });
  }

  /** Pages seen so far, oldest first. */
  get visited(): readonly Page[] {
    return this.#visited;
  }

  async visit(url: string | URL): Promise<Landing> {
    return walkPages(this.#browser, await this.#browser.open(url), {
      credentials: (page) =>
        [...notesAccounts, ...demoUsers].find(
          ({ username, password }) => username === this.name && page.text.includes(password),
        ),
      onStep: ({ page }) => this.#visited.push(page),
    });
  }
}
