import { createHash } from 'node:crypto';
import { readCookie, readCookies, writeCookie, type CookieNames } from '../pages/cookies.js';

/** So many sign-ins are under way in one browser at most: one more ends the oldest. */
const MAX_UNDER_WAY = 4;

/** A sign-in that begins: `state` finds its cookie again, `cookie` is the sealed value. */
export interface BegunSignIn {
  readonly state: string;
  readonly cookie: string;
  readonly maxAgeSeconds: number;
}

/**
 * The cookies of the sign-ins under way in one browser. Each has its own, so that two links opened side by side do not
 * end each other's. Its name has a digest of `state`, its value binds the answer to the browser (S23).
 */
export class SignInCookies {
  readonly #names: CookieNames;
  readonly #endOf: (cookie: string) => number;

  /** @param endOf when the sign-in of a cookie's value ends, in milliseconds; 0 if the value is none of ours */
  constructor(names: CookieNames, endOf: (cookie: string) => number) {
    this.#names = names;
    this.#endOf = endOf;
  }

  /** @returns the value of the cookie of the sign-in that is answered */
  find(header: string | undefined, state: string | null): string | undefined {
    return state === null ? undefined : readCookie(header, this.#nameOf(state));
  }

  /** @returns `Set-Cookie` headers: the new sign-in's, and the removal of those it leaves no room for */
  begin(header: string | undefined, { state, cookie, maxAgeSeconds }: BegunSignIn): string[] {
    const underWay = readCookies(header)
      .filter(({ name }) => name.startsWith(`${this.#names.signIn}_`))
      .map(({ name, value }) => ({ name, end: this.#endOf(value) }))
      .toSorted((a, b) => a.end - b.end);
    const removed = underWay.slice(0, Math.max(0, underWay.length - (MAX_UNDER_WAY - 1)));
    return [
      writeCookie(this.#nameOf(state), cookie, { maxAgeSeconds, secure: this.#names.secure }),
      ...removed.map(({ name }) => this.#remove(name)),
    ];
  }

  end(state: string): string {
    return this.#remove(this.#nameOf(state));
  }

  #nameOf(state: string): string {
    return `${this.#names.signIn}_${createHash('sha256').update(state).digest('base64url').slice(0, 22)}`;
  }

  #remove(name: string): string {
    return writeCookie(name, '', { maxAgeSeconds: 0, secure: this.#names.secure });
  }
}
