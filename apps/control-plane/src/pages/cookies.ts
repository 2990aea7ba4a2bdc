/** The cookies of a request's `Cookie` header. */
export function readCookies(header: string | undefined): { readonly name: string; readonly value: string }[] {
  return (header?.split(';') ?? []).map((part) => {
    const [name = '', ...value] = part.split('=');
    return { name: name.trim(), value: value.join('=').trim() };
  });
}

/** One cookie of a request's `Cookie` header. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  return readCookies(header).find((cookie) => cookie.name === name)?.value;
}

export interface CookieNames {
  readonly session: string;
  /** What the names of sign-ins under way begin with: each has a cookie of its own (`sign-in-cookies.ts`). */
  readonly signIn: string;
  /** Of a browser that follows an administrator's link. */
  readonly shared: string;
  readonly secure: boolean;
}

/** Security rule S31: names of our own, `__Host-` and Secure wherever the control plane is reached by https. */
export function cookieNames(controlPlaneUrl: string): CookieNames {
  const secure = controlPlaneUrl.startsWith('https:');
  const prefix = secure ? '__Host-' : '';
  return {
    session: `${prefix}sallyport_cp_session`,
    signIn: `${prefix}sallyport_cp_sign_in`,
    shared: `${prefix}sallyport_cp_shared`,
    secure,
  };
}

/** For this host only, unreadable to scripts, sent on top-level navigation. `maxAgeSeconds` 0 removes it. */
export function writeCookie(
  name: string,
  value: string,
  { maxAgeSeconds, secure }: { maxAgeSeconds: number; secure: boolean },
): string {
  return `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;
}
