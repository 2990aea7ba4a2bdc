import { cleanText } from '@sallyport/kernel';

/** What a redirect URI is, as far as trust goes (RFC 8252 sections 7 and 8, OAuth 2.1 section 2.3.1). */
export type RedirectUri =
  | { readonly kind: 'https'; readonly host: string }
  /** Plain http on this machine; the port may vary (RFC 8252 section 7.3). Anything running here can listen there. */
  | { readonly kind: 'loopback'; readonly host: string }
  /** `cursor://…`, `com.example.app:/…`: any application can claim the scheme. */
  | { readonly kind: 'private-use'; readonly scheme: string }
  | { readonly kind: 'refused'; readonly reason: string };

const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
/** Schemes a browser runs, reads files with, or gives a meaning of its own. */
const NEVER = new Set([
  'javascript:',
  'vbscript:',
  'data:',
  'blob:',
  'file:',
  'filesystem:',
  'about:',
  'view-source:',
  'ws:',
  'wss:',
  'ftp:',
  'mailto:',
  'tel:',
  'sms:',
  'chrome:',
  'intent:',
]);
const MAX_LENGTH = 2048;
const MAX_SHOWN = 160;

export function classifyRedirectUri(uri: string): RedirectUri {
  const refused = (reason: string): RedirectUri => ({ kind: 'refused', reason });
  // eslint-disable-next-line no-control-regex -- a control character in a URI is what is looked for
  if (uri.length > MAX_LENGTH || /[\s\\\u0000-\u001f\u007f]/.test(uri))
    return refused('it is too long or holds characters a URI cannot');
  const url = URL.parse(uri);
  if (!url) return refused('it is not an absolute URI');
  if (uri.includes('#')) return refused('it carries a fragment');
  if (url.username || url.password) return refused('it carries user information');
  // `http:127.0.0.1/cb`, `http://127.1/cb`: readers disagree on where such a thing leads.
  if (/^https?:$/.test(url.protocol) && !uri.toLowerCase().startsWith(`${url.protocol}//${url.hostname}`))
    return refused('it is not written in its normal form');
  switch (url.protocol) {
    case 'https:':
      return { kind: 'https', host: url.host };
    case 'http:':
      return LOOPBACK_HOSTS.has(url.hostname)
        ? { kind: 'loopback', host: url.host }
        : refused('http is for loopback addresses only');
    default:
      return NEVER.has(url.protocol) || (url.pathname === '' && url.host === '')
        ? refused(`the scheme ${url.protocol} cannot receive a redirect`)
        : { kind: 'private-use', scheme: url.protocol };
  }
}

/** Where the answer goes, in words for the person who consents. */
export function redirectTarget(uri: string): string {
  const redirect = classifyRedirectUri(uri);
  switch (redirect.kind) {
    case 'https':
      return redirect.host;
    case 'loopback':
      return `a program on this computer (${redirect.host})`;
    case 'private-use':
      return `an application on this device (${cleanText(uri, MAX_SHOWN)})`;
    case 'refused':
      return 'an unusable address';
  }
}

/**
 * What a person consents to of it. The loopback port varies from one run to the next; within a private-use scheme only the
 * whole URI says what an application does with it.
 */
export function redirectHost(uri: string): string {
  const redirect = classifyRedirectUri(uri);
  switch (redirect.kind) {
    case 'https':
      return redirect.host;
    case 'loopback':
      return redirect.host.replace(/:\d+$/, '');
    case 'private-use':
      return uri;
    case 'refused':
      return '';
  }
}

/**
 * RFC 7591 registration, limited to what the administrator lists (R18). An entry is a whole URI, which is compared as it is
 * written but for a loopback port (RFC 8252 sections 7.3 and 8.4), or a host (`agents.example.com`, `*.example.com`, with
 * `:port` to pin one), which any path of it goes with, but no query: what a host does with a query is often to send on.
 */
export function mayRegisterRedirectUri(
  uri: string,
  allowed: readonly string[],
): { allowed: true } | { allowed: false; reason: string } {
  const redirect = classifyRedirectUri(uri);
  if (redirect.kind === 'refused') return { allowed: false, reason: redirect.reason };
  if (allowed.some((entry) => isWholeUri(entry) && isSameUri(uri, entry))) return { allowed: true };
  if (redirect.kind === 'private-use')
    return { allowed: false, reason: 'the whole URI is not one that may register here' };
  if (!allowed.some((entry) => !isWholeUri(entry) && hostMatches(redirect.host, entry)))
    return { allowed: false, reason: 'its host is not one that may register here' };
  return uri.includes('?')
    ? { allowed: false, reason: 'it has a query, and the whole URI is not one that may register here' }
    : { allowed: true };
}

/** @returns why an entry of the administrator's list lets nothing register, in words for them */
export function problemOfRedirectEntry(entry: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:$/i.test(entry))
    return `${entry} is a scheme, with which an application can do other things too; write the whole redirect URI, as in cursor://anysphere.cursor-mcp/oauth/callback`;
  if (!isWholeUri(entry)) return undefined;
  const redirect = classifyRedirectUri(entry);
  return redirect.kind === 'refused' ? `${entry} cannot be a redirect URI: ${redirect.reason}` : undefined;
}

/** A host has no `:` but before its port. */
const isWholeUri = (entry: string): boolean => /^[a-z][a-z0-9+.-]*:(?!\d+$)./i.test(entry);

function isSameUri(uri: string, listed: string): boolean {
  if (uri === listed) return true;
  return (
    classifyRedirectUri(uri).kind === 'loopback' &&
    classifyRedirectUri(listed).kind === 'loopback' &&
    withoutPort(uri) === withoutPort(listed)
  );
}

const withoutPort = (uri: string): string => uri.replace(/^(http:\/\/(?:\[[^\]]*\]|[^/:?]+)):\d+/i, '$1');

/** `native` lets the engine accept any port on loopback (RFC 8252 section 7.3) and private-use schemes. */
export function applicationTypeFor(redirectUris: readonly string[]): 'native' | 'web' {
  return redirectUris.some((uri) => ['loopback', 'private-use'].includes(classifyRedirectUri(uri).kind))
    ? 'native'
    : 'web';
}

/**
 * `*` matches any host, `*.example.com` every host below it (not itself), `example.com` that host on any port,
 * `example.com:8443` that port only. Case does not count.
 */
export function hostMatches(host: string, pattern: string): boolean {
  const wanted = pattern.toLowerCase();
  const actual = host.toLowerCase();
  if (wanted === '*') return true;
  const bare = actual.replace(/:\d+$/, '');
  if (wanted.startsWith('*.')) return bare.endsWith(wanted.slice(1)) && bare.length > wanted.length - 1;
  return wanted === actual || wanted === bare;
}
