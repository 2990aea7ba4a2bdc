import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { writeShown, type Shown } from '@sallyport/authorization';
import { constantTimeEqual } from '@sallyport/kernel';
import type { MasterKey } from '@sallyport/keys';

export interface SignedForm {
  readonly shown: string;
  readonly token: string;
}

/**
 * One cookie of our own per browser (S31): the federation answer must come back to the browser that asked
 * (its path is not the engine's), and forms carry a token derived from it. It identifies no human.
 */
export class BrowserBinding {
  readonly #key: Uint8Array;
  readonly #secure: boolean;

  constructor(secret: MasterKey, { secure }: { secure: boolean }) {
    this.#key = deriveKey(secret, 'form-token');
    this.#secure = secure;
  }

  get cookieName(): string {
    return this.#secure ? '__Host-sallyport_as_browser' : 'sallyport_as_browser';
  }

  /** @param cookieHeader of the request */
  browserOf(cookieHeader: string | undefined): string | undefined {
    for (const pair of (cookieHeader ?? '').split(';')) {
      const [name, value] = pair.trim().split('=', 2);
      if (name === this.cookieName && value !== undefined && /^[A-Za-z0-9_-]{43}$/.test(value)) return value;
    }
    return undefined;
  }

  create(): { readonly browser: string; readonly setCookie: string } {
    const browser = randomBytes(32).toString('base64url');
    return {
      browser,
      setCookie: `${this.cookieName}=${browser}; Path=/; HttpOnly; SameSite=Lax${this.#secure ? '; Secure' : ''}`,
    };
  }

  /** A form's own fields: what its page shows, signed for this browser and one request of it (S35). */
  sign(browser: string, request: string, shown: Shown): SignedForm {
    const text = writeShown(shown);
    return { shown: text, token: this.#token(browser, request, text) };
  }

  /**
   * @returns what the page of this form showed; undefined when it is not ours, or was made for another browser or
   *   request
   */
  read(browser: string | undefined, request: string, form: Readonly<Record<string, unknown>>): string | undefined {
    const { form_token: token, shown } = form;
    if (browser === undefined || typeof token !== 'string' || typeof shown !== 'string') return undefined;
    return constantTimeEqual(token, this.#token(browser, request, shown)) ? shown : undefined;
  }

  #token(browser: string, request: string, shown: string): string {
    return createHmac('sha256', this.#key).update(`${request}\n${browser}\n${shown}`).digest('base64url');
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
