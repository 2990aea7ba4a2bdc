import { cleanText } from '@sallyport/kernel';
import { DEVICE_ANSWER } from './own-clients.js';

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
  'urn:',
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

/**
 * Where a redirect URI leads, in words for the user who consents, e.g. `a program on this computer (127.0.0.1:4711)`.
 */
export function redirectTarget(uri: string): string {
  if (uri === DEVICE_ANSWER) return 'the device that showed you the code';
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
 * What a person consents to of it. The loopback port varies from one run to the next; within a private-use scheme only
 * the whole URI says what an application does with it.
 */
export function redirectHost(uri: string): string {
  if (uri === DEVICE_ANSWER) return 'another device';
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
 * RFC 7591 registration, limited to what the administrator lists (R18). An entry is a whole URI, which is compared as
 * it is written but for a loopback port (RFC 8252 sections 7.3 and 8.4) and a last path segment `*`, which is any one
 * segment; or a host (`agents.example.com`, `*.example.com`, with `:port` to pin one), which any path of it goes with,
 * but no query: what a host does with a query is often to send on.
 */
export function mayRegisterRedirectUri(uri: string, allowed: readonly string[]): RedirectVerdict {
  const redirect = classifyRedirectUri(uri);
  if (redirect.kind === 'refused') return { allowed: false, reason: redirect.reason, isListable: false };
  const unlisted = (reason: string): RedirectVerdict => ({ allowed: false, reason, isListable: true });
  if (allowed.some((entry) => isWholeUri(entry) && isSameUri(uri, entry))) return { allowed: true };
  if (redirect.kind === 'private-use') return unlisted('the whole URI is not one that may register here');
  if (!allowed.some((entry) => !isWholeUri(entry) && hostMatches(redirect.host, entry)))
    return unlisted('its host is not one that may register here');
  return uri.includes('?')
    ? unlisted('it has a query, and the whole URI is not one that may register here')
    : { allowed: true };
}
/** `isListable`: an administrator could let it in. */
export type RedirectVerdict =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly reason: string; readonly isListable: boolean };

const MAX_NAMED = 3;
const SETTING =
  'an administrator lists redirect URIs in dynamic.redirectHosts of ClientRegistration, ' +
  'those of known agents by dynamic.popularAgents: true';

/**
 * What of a registration's redirect URIs may register (RFC 7591 section 3.2.1: the answer says what was registered). An
 * agent that brings one callback for each way it runs is not refused for the one that nobody listed.
 * @returns `refusal`: when none is left, which URI is refused why, and what would let it in
 */
export function registrableRedirectUris(
  uris: readonly string[],
  allowed: readonly string[],
): { readonly accepted: readonly string[]; readonly refusal?: string } {
  const judged = uris.map((uri) => ({ uri, verdict: mayRegisterRedirectUri(uri, allowed) }));
  const accepted = judged.filter(({ verdict }) => verdict.allowed).map(({ uri }) => uri);
  if (accepted.length > 0 || judged.length === 0) return { accepted };
  const named = judged
    .slice(0, MAX_NAMED)
    .map(({ uri, verdict }) => `${inError(uri)}: ${verdict.allowed ? '' : verdict.reason}`);
  const more = judged.length > MAX_NAMED ? `; and ${judged.length - MAX_NAMED} more` : '';
  const isListable = judged.some(({ verdict }) => !verdict.allowed && verdict.isListable);
  return { accepted, refusal: `${named.join('; ')}${more}${isListable ? `. ${SETTING}` : ''}` };
}

/** A URI in the characters that an `error_description` may have (RFC 6749 section 5.2). */
export const inError = (uri: string): string =>
  cleanText(uri, MAX_SHOWN).replaceAll(/[^\x20\x21\x23-\x5b\x5d-\x7e]/g, '?');

/** @returns why no redirect URI can match this entry of the administrator's list, in words for the administrator */
export function problemOfRedirectEntry(entry: string): string | undefined {
  if (/^[a-z][a-z0-9+.-]*:$/i.test(entry))
    return (
      `${entry} is a scheme, with which an application can do other things too; write the whole redirect URI, ` +
      'as in cursor://anysphere.cursor-mcp/oauth/callback'
    );
  if (!isWholeUri(entry)) return undefined;
  const redirect = classifyRedirectUri(entry);
  if (redirect.kind === 'refused') return `${entry} cannot be a redirect URI: ${redirect.reason}`;
  return entry.replace(/\/\*$/, '').includes('*')
    ? `${entry} has a * that is not its whole last path segment: in a whole URI it stands for one segment at the ` +
        `end, ` +
        'as in https://agents.example/callback/*'
    : undefined;
}

/** An entry is a whole URI, unless its only `:` is before a port. */
const isWholeUri = (entry: string): boolean => /^[a-z][a-z0-9+.-]*:(?!\d+$)./i.test(entry);

function isSameUri(uri: string, listed: string): boolean {
  const areLoopback = classifyRedirectUri(uri).kind === 'loopback' && classifyRedirectUri(listed).kind === 'loopback';
  const [actual, wanted] = areLoopback ? [withoutPort(uri), withoutPort(listed)] : [uri, listed];
  if (actual === wanted && !wanted.endsWith('/*')) return true;
  return (
    wanted.endsWith('/*') && actual.startsWith(wanted.slice(0, -1)) && isOneSegment(actual.slice(wanted.length - 1))
  );
}

/** One path segment of unreserved characters (RFC 3986 section 2.3), so that nobody reads another path in it. */
const isOneSegment = (text: string): boolean => /^[\w.~-]{1,128}$/.test(text) && text !== '.' && text !== '..';

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
