import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { writeShown, type Shown } from '@sallyport/authorization';
import { constantTimeEqual } from '@sallyport/kernel';
import type { MasterKey } from '@sallyport/keys';

export interface SignedForm {
  readonly shown: string;
  readonly token: string;
}

/**
 * The ids of one browser, by cookies of ours. It has one; it has several when it opened several pages at once before it
 * had any: each of those pages gave it an id, under a name of its own, so that none replaces another's.
 */
export type BrowserIds = readonly [string, ...string[]];

/** More than a browser opens at once. Each costs a look-up, and whoever sends the header chooses how many there are. */
const MAX_IDS = 8;

/**
 * A cookie of our own binds what a browser began to that browser (S31): the federation answer must come back to the
 * browser that asked (its path is not the engine's), and forms carry a token derived from the cookie. It identifies no
 * human.
 */
export class BrowserBinding {
  readonly #key: Uint8Array;
  readonly #secure: boolean;
  readonly #prefix: string;

  constructor(secret: MasterKey, { secure }: { secure: boolean }) {
    this.#key = deriveKey(secret, 'form-token');
    this.#secure = secure;
    this.#prefix = secure ? '__Host-sallyport_as_browser' : 'sallyport_as_browser';
  }

  /** @param cookieHeader of the request */
  idsOf(cookieHeader: string | undefined): readonly string[] {
    return (cookieHeader ?? '')
      .split(';')
      .map((pair) => pair.trim().split('=', 2))
      .filter(([name, value]) => name?.startsWith(`${this.#prefix}_`) && /^[A-Za-z0-9_-]{43}$/.test(value ?? ''))
      .map(([, value]) => value ?? '')
      .slice(0, MAX_IDS);
  }

  /** @returns the browser's ids, and the cookie that gives it one if it has none */
  bind(cookieHeader: string | undefined): { readonly browser: BrowserIds; readonly setCookie: string | undefined } {
    const [known, ...more] = this.idsOf(cookieHeader);
    if (known !== undefined) return { browser: [known, ...more], setCookie: undefined };
    const id = randomBytes(32).toString('base64url');
    const name = `${this.#prefix}_${randomBytes(6).toString('hex')}`;
    return {
      browser: [id],
      setCookie: `${name}=${id}; Path=/; HttpOnly; SameSite=Lax${this.#secure ? '; Secure' : ''}`,
    };
  }

  /** A form's own fields: what its page shows, signed for this browser and one request of it (S35). */
  sign([id]: BrowserIds, request: string, shown: Shown): SignedForm {
    const text = writeShown(shown);
    return { shown: text, token: this.#token(id, request, text) };
  }

  /**
   * @returns what the page of this form showed; undefined when it is not ours, or was made for another browser or
   *   request
   */
  read(browser: BrowserIds, request: string, form: Readonly<Record<string, unknown>>): string | undefined {
    const { form_token: token, shown } = form;
    if (typeof token !== 'string' || typeof shown !== 'string') return undefined;
    return browser.some((id) => constantTimeEqual(token, this.#token(id, request, shown))) ? shown : undefined;
  }

  #token(id: string, request: string, shown: string): string {
    return createHmac('sha256', this.#key).update(`${request}\n${id}\n${shown}`).digest('base64url');
  }
}

/** Keys for the engine's cookie signatures and our form tokens, each for its purpose only. */
export function deriveKey(
  secret: MasterKey,
  purpose: 'engine-cookies' | 'form-token' | 'dpop-nonces' | 'token-marks' | 'registration-marks',
): Uint8Array {
  return new Uint8Array(
    hkdfSync('sha256', secret.reveal(), Buffer.alloc(0), `sallyport/v1/authorization-server/${purpose}`, 32),
  );
}
