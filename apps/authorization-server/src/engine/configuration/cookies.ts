import type { Configuration } from 'oidc-provider';

/** The engine's three cookies: signed, out of reach of scripts, and `Secure` where the issuer is https (S31). */
export function cookies({ keys, isSecure }: { readonly keys: readonly string[]; readonly isSecure: boolean }) {
  return {
    cookies: {
      names: cookieNames(isSecure),
      keys: [...keys],
      long: { signed: true, httpOnly: true, sameSite: 'lax', secure: isSecure, path: '/' },
      short: { signed: true, httpOnly: true, sameSite: 'lax', secure: isSecure },
    },
  } satisfies Configuration;
}

/** `__Host-` demands the path `/`, and the interaction and resume cookies have paths of their own (S31). */
export function cookieNames(isSecure: boolean) {
  const [host, path] = isSecure ? ['__Host-', '__Secure-'] : ['', ''];
  return {
    session: `${host}sallyport_as_session`,
    interaction: `${path}sallyport_as_interaction`,
    resume: `${path}sallyport_as_resume`,
  };
}
