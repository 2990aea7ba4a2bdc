/** What of a URI is not in its normal form. */
export type UriPart =
  | 'characters'
  | 'percent-encoding'
  | 'scheme'
  | 'user information'
  | 'host'
  | 'port'
  | 'path'
  | 'query'
  | 'fragment'
  | 'form';

export interface UriDeviation {
  readonly part: UriPart;
  /** The normal form; `undefined` where two readers may take the URI for two resources, so that there is none. */
  readonly normal: string | undefined;
}

/**
 * How a URI differs from its normal form; `undefined` when it is in it (security rule S13). One resource has many equal
 * forms, and a pattern means the one it is written in: RFC 3986 section 6.2.2 (case, percent-encoding, dot segments),
 * 6.2.3 (ports, empty paths, host of `file:`), and what readers after the WHATWG URL Standard take for the same:
 * backslashes, tabs and new lines that they drop, international and numeric hosts, missing slashes. Beyond both: user
 * information, empty segments, control characters, text that is not UTF-8 or not NFC, and whatever becomes a dot
 * segment when it is decoded again.
 */
export function uriDeviation(uri: string): UriDeviation | undefined {
  return PLAIN.test(uri) ? undefined : examineUri(uri);
}

/**
 * Most URIs, told at a glance: lists hold thousands. Names of hosts with a domain that is no number, segments without a
 * dot in front.
 */
const PLAIN = new RegExp(
  [
    String.raw`^(?:https?:\/\/(?![^/]*xn--)(?:[a-z0-9-]+\.)+[a-z]{2,}(?=\/)`,
    String.raw`|file:\/\/(?=\/)`,
    String.raw`|(?!https?:|wss?:|ftp:|file:)[a-z][a-z0-9+.-]*:\/\/[a-z][a-z0-9-]*)`,
    String.raw`(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*\/?$`,
  ].join(''),
);

/** The same, without the glance. */
export function examineUri(uri: string): UriDeviation | undefined {
  const found = normalize(uri);
  return found.normal === uri ? undefined : found;
}

/** Scheme, authority, path, query, fragment: RFC 3986 appendix B. */
const URI = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s;
/** Those the WHATWG URL Standard calls special, with their ports; `file` is on its own below. */
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: '80', ws: '80', https: '443', wss: '443', ftp: '21' };

function normalize(uri: string): UriDeviation {
  const none = (part: UriPart): UriDeviation => ({ part, normal: undefined });
  if (!uri.isWellFormed() || /[\p{Cc}\\]/u.test(uri)) return none('characters');
  const decoded = decode(uri);
  if (decoded === undefined || /[\p{Cc}\\]/u.test(decoded)) return none('percent-encoding');
  const composed = uri.normalize('NFC');
  const match = URI.exec(composed);
  if (match === null) return none('scheme');
  const [, givenScheme = '', givenAuthority, givenPath = '', givenQuery, givenFragment] = match;

  const scheme = givenScheme.toLowerCase();
  const authority = normalAuthority(scheme, givenAuthority);
  if (typeof authority === 'object') return none(authority.part);
  const path = normalPath(scheme, givenPath);
  if (path === undefined || becomesDotSegment(`${authority ?? ''}${path}`)) return none('path');
  const query = givenQuery ? encoded(givenQuery) : undefined;
  const fragment = givenFragment ? encoded(givenFragment) : undefined;
  if (scheme === 'file' && (query || fragment)) return none(query ? 'query' : 'fragment'); // RFC 8089: it has neither
  const after = `${query ? `?${query}` : ''}${fragment ? `#${fragment}` : ''}`;
  const normal = `${scheme}:${authority === undefined ? '' : `//${authority}`}${path}${after}`;
  if (composed !== uri) return { part: 'characters', normal };
  if (decoded !== decoded.normalize('NFC')) return none('characters');
  const part = firstPart(
    ['scheme', givenScheme, scheme],
    ['host', givenAuthority, authority],
    ['path', givenPath, path],
    ['query', givenQuery, query],
    ['fragment', givenFragment, fragment],
  );
  return asOthersRead({ part, normal });
}

type Component = readonly [part: UriPart, given: string | undefined, normal: string | undefined];

function firstPart(...components: readonly Component[]): UriPart {
  const [part, given = '', normal = ''] = components.find(([, one, other]) => one !== other) ?? ['form' as const];
  if (part === 'host') return given !== '' && given.replace(PORT, '') === normal.replace(PORT, '') ? 'port' : 'host';
  return given !== '' && part !== 'scheme' && encoded(given) === normal ? 'percent-encoding' : part;
}

const PORT = /:\d*$/;

/** The WHATWG parser has the last word: what it would write otherwise, some server reads otherwise. */
function asOthersRead({ part, normal }: UriDeviation & { readonly normal: string }): UriDeviation {
  if (!URL.canParse(normal)) return { part: 'host', normal: undefined };
  const { href } = new URL(normal);
  if (href === normal) return { part, normal };
  return { part: 'form', normal: URL.canParse(href) && new URL(href).href === href ? href : undefined };
}

/** `undefined` where there is none. */
function normalAuthority(scheme: string, given: string | undefined): string | undefined | { readonly part: UriPart } {
  const isSpecial = scheme in DEFAULT_PORTS;
  if (given === undefined) return isSpecial ? { part: 'host' } : scheme === 'file' ? '' : undefined;
  if (given.includes('@')) return { part: 'user information' };
  const [, host = '', port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(given) ?? [];
  if (host.length > MAX_HOST) return { part: 'host' };
  if (port !== undefined && (!/^\d*$/.test(port) || Number(port) > 65_535 || scheme === 'file'))
    return { part: 'port' };
  const name = host.startsWith('[') ? host.toLowerCase() : encoded(encoded(host).toLowerCase());
  if (/[[\]]/.test(host) && !/^\[[0-9a-f:.]+\]$/i.test(host)) return { part: 'host' };
  if (/%(?:23|3A|3F|40|5B|5D)/.test(name)) return { part: 'host' }; // decoded, it would end elsewhere
  if (scheme === 'file') return name === 'localhost' ? '' : name;
  if (host === '' && (isSpecial || port !== undefined)) return { part: 'host' };
  const shown = isSpecial ? specialHost(scheme, host) : name;
  if (shown === undefined) return { part: 'host' };
  return port === undefined || port === '' || Number(port) === Number(DEFAULT_PORTS[scheme])
    ? shown
    : `${shown}:${Number(port)}`;
}

/** Of a domain (RFC 1035 section 2.3.4), each character percent-encoded at worst. */
const MAX_HOST = 3 * 255;

/** International names in ASCII, numbers as IPv4 addresses, no dot at the end. */
function specialHost(scheme: string, host: string): string | undefined {
  const url = `${scheme}://${host}/`;
  const name = URL.canParse(url) ? new URL(url).hostname.replace(/\.$/, '') : '';
  return name === '' || name.endsWith('.') ? undefined : name;
}

function normalPath(scheme: string, given: string): string | undefined {
  const path = withoutDotSegments(encoded(given));
  // no name of a file holds a separator
  if (scheme === 'file' && (!path.startsWith('/') || /%2F/.test(path))) return undefined;
  if (path.slice(1).includes('//') || path.startsWith('//')) return undefined;
  return path === '' && scheme in DEFAULT_PORTS ? '/' : path;
}

/** What is encoded more often is taken for the worst. */
const MAX_ENCODED_TIMES = 3;

/** In whatever order it is decoded and taken apart: `..%2F`, `%252e`, `..;x`, `note:..`. */
function becomesDotSegment(text: string, times = MAX_ENCODED_TIMES): boolean {
  if (/(^|[/\\:])\.\.?([/\\;]|$)|\\/.test(text)) return true;
  const decoded = decode(text);
  return decoded !== undefined && decoded !== text && (times === 0 || becomesDotSegment(decoded, times - 1));
}

/** RFC 3986 section 5.2.4, of a path that has a root. */
function withoutDotSegments(path: string): string {
  if (!path.startsWith('/')) return path;
  const kept: string[] = [];
  const segments = path.slice(1).split('/');
  segments.forEach((segment, index) => {
    if (segment === '..') kept.pop();
    if (segment !== '.' && segment !== '..') kept.push(segment);
    else if (index === segments.length - 1) kept.push('');
  });
  return `/${kept.join('/')}`;
}

/**
 * Percent-encoding as RFC 3986 sections 2.1 to 2.4 have it: upper case, nothing that need not be, everything that must
 * be.
 */
function encoded(text: string): string {
  return text
    .replace(/%[0-9A-Fa-f]{2}/g, (triplet) => {
      const character = String.fromCharCode(Number.parseInt(triplet.slice(1), 16));
      return /[A-Za-z0-9._~-]/.test(character) ? character : triplet.toUpperCase();
    })
    .replace(/[^A-Za-z0-9._~!$&'()*+,;=:@/?%-]+/gu, (characters) => encodeURIComponent(characters));
}

/** `undefined` for what is no percent-encoded UTF-8. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // an answer: it cannot be decoded
  }
}

/** What may stand where an expression of a template or a `*` of a pattern stands. */
const FILLINGS = ['x', '1', 'B', '/x', 'x/x', 'x:/x', 'x:x'];

/** The same of a URI template (RFC 6570): of what stands outside its expressions. */
export function templateDeviation(template: string): UriPart | undefined {
  return deviationOutside(template, /\{[^{}]*\}/g);
}

/** The same of a pattern that URIs in their normal form are held against: one that deviates could match none. */
export function patternDeviation(pattern: string): UriPart | undefined {
  return deviationOutside(pattern, /\*+|\{[^{}]*\}/g);
}

function deviationOutside(text: string, holes: RegExp): UriPart | undefined {
  let first: UriPart | undefined;
  for (const filling of FILLINGS) {
    const deviation = uriDeviation(text.replace(holes, filling));
    if (deviation === undefined) return undefined;
    first ??= deviation.part;
  }
  return first;
}

/** A URI as a server may read it that is less exact than the standard. */
export interface LenientReading {
  readonly whole: string;
  readonly withoutQuery: string;
}

/**
 * By the standard `%2F` is not `/`, and `note://a/1?x` not `note://a/1`. Many servers decode first, or look at the path
 * alone: the reading of such a one, in which reserved characters are not encoded, separators do not repeat and there is
 * no fragment.
 */
export function lenientReading(uri: string): LenientReading {
  const read = (text: string) => withReservedDecoded(text.replaceAll('*', '%2A'));
  const [whole = ''] = uri.split('#', 1);
  const [withoutQuery = ''] = whole.split('?', 1);
  return { whole: read(whole), withoutQuery: read(withoutQuery) };
}

/** A pattern for such readings. */
export function lenientPattern(pattern: string): { readonly pattern: string; readonly hasQuery: boolean } {
  const [whole = ''] = pattern.split('#', 1);
  return { pattern: withReservedDecoded(whole), hasQuery: whole.includes('?') };
}

/** All of RFC 3986 section 2.2 but `*`, which means something in a pattern. */
function withReservedDecoded(text: string): string {
  const decodedText = text.replace(/%(?:2[134678BCF9]|3[ABDF]|40|5[BD])/g, (triplet) => decodeURIComponent(triplet));
  const [start = ''] = /^[^:]*:\/\/\/?/.exec(decodedText) ?? [];
  return start + decodedText.slice(start.length).replaceAll(/\/{2,}/g, '/');
}
