import { isIP, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { Secret, type SallyportError } from '@sallyport/kernel';
import ipaddr from 'ipaddr.js';
import { bareHost, type Destination } from './outbound-guard.js';

/** A proxy. Its credentials are in `authorization` only. */
export interface ProxyServer {
  /** `https:` for a proxy behind TLS. */
  readonly protocol: 'http:' | 'https:';
  /** IPv6 without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** The value of `Proxy-Authorization` (RFC 7617), if its URL has a user. */
  readonly authorization: Secret | undefined;
}

/** The operator's proxies, and what is called without them. */
export interface OutboundProxy {
  /** The proxy for https destinations. */
  readonly https: ProxyServer | undefined;
  /** The proxy for plain http destinations. */
  readonly http: ProxyServer | undefined;
  readonly direct: DirectDestinations;
  /** Whether the proxy may resolve names that do not resolve here. */
  readonly resolvesNames: boolean;
  /** Called for each call that did not get through. Its message holds no secret. */
  readonly onFailure?: (failure: SallyportError) => void;
}

/** The destinations that `NO_PROXY` names. */
export interface DirectDestinations {
  readonly text: string;
  /** The entries of `NO_PROXY` that this version does not understand. */
  readonly unknown: readonly string[];
  includes(destination: Pick<Destination, 'hostname' | 'port'>): boolean;
}

export interface OutboundProxySettings {
  readonly https?: ProxyServer | undefined;
  readonly http?: ProxyServer | undefined;
  readonly noProxy?: string;
  readonly resolvesNames?: boolean;
}

/** The proxies of the settings; undefined when there is none. */
export function outboundProxy({
  https,
  http,
  noProxy = '',
  resolvesNames = false,
}: OutboundProxySettings): OutboundProxy | undefined {
  return https === undefined && http === undefined
    ? undefined
    : { https, http, direct: readNoProxy(noProxy), resolvesNames };
}

/**
 * Reads a proxy's URL: `http://[user:password@]host[:port]`, `https://…`, or without a scheme, which means http.
 * @returns undefined when the text is no such URL
 */
export function readProxyUrl(text: string): ProxyServer | undefined {
  const address = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(address)) return undefined;
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(address);
  if (
    (protocol !== 'http:' && protocol !== 'https:') ||
    hostname === '' ||
    pathname !== '/' ||
    search !== '' ||
    hash !== ''
  )
    return undefined;
  const user = decoded(username);
  const secret = decoded(password);
  if (user === undefined || secret === undefined || user.includes(':')) return undefined;
  const isNamed = username !== '' || password !== '';
  const authorization = isNamed
    ? new Secret(`Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`)
    : undefined;
  return {
    protocol,
    hostname: bareHost(hostname),
    port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
    authorization,
  };
}

/**
 * The proxy for a destination; undefined for a direct call. This machine is always called directly, because a proxy's
 * loopback is another machine's.
 */
export function proxyFor(proxy: OutboundProxy | undefined, destination: Destination): ProxyServer | undefined {
  const server = destination.protocol === 'https:' ? proxy?.https : proxy?.http;
  if (proxy === undefined || server === undefined) return undefined;
  return isThisMachine(bareHost(destination.hostname)) || proxy.direct.includes(destination) ? undefined : server;
}

/** The part of a logger that is needed here. */
interface Lines {
  info(about: object, message: string): void;
  warn(about: object, message: string): void;
}

/** Logs one line at the start: what is called through which proxy, and what directly. It holds no secret. */
export function announceProxy(proxy: OutboundProxy | undefined, to: Lines): void {
  if (proxy === undefined) return;
  const { https, http, direct, resolvesNames } = proxy;
  const way = (server: ProxyServer | undefined): string =>
    server === undefined ? 'called directly' : proxyAddress(server);
  const exceptions = ['this machine', 'our own services', ...(direct.text === '' ? [] : [direct.text])].join(', ');
  to.info(
    {
      https: way(https),
      http: way(http),
      directly: exceptions,
      unresolvedNames: resolvesNames ? 'left to the proxy' : 'refused',
    },
    'calls to the outside go through a proxy',
  );
  if (direct.unknown.length > 0)
    to.warn({ entries: direct.unknown.join(' ') }, 'entries of NO_PROXY mean nothing here and are passed over');
}

const proxyAddress = ({ protocol, hostname, port }: ProxyServer): string =>
  `${protocol}//${authorityOf(hostname, port)}`;

/** Host and port as in a URL and in the request line of CONNECT (RFC 9110 section 9.3.6): `[2001:db8::1]:443`. */
export const authorityOf = (hostname: string, port: number): string =>
  `${isIPv6(hostname) ? `[${hostname}]` : hostname}:${port}`;

/**
 * Reads `NO_PROXY` in the way that other programs agree on. Commas or blanks separate entries.
 *
 * - `*` is every destination.
 * - A name is itself and all names under it, with or without a leading `.` or `*.`. Case and a trailing dot are
 * ignored.
 * - An address or a CIDR range is for addresses in a URL, never for what a name resolves to.
 * - `:port` limits an entry to that port.
 */
export function readNoProxy(text: string): DirectDestinations {
  const written = text.split(/[\s,]+/).filter((entry) => entry !== '');
  const entries = written.map((entry) => ({ entry, matches: readEntry(entry) }));
  const known = entries.flatMap(({ matches }) => matches ?? []);
  return {
    text: written.join(', '),
    unknown: entries.flatMap(({ entry, matches }) => (matches === undefined ? [entry] : [])),
    includes: ({ hostname, port }) => known.some((matches) => matches(bareHost(hostname), port)),
  };
}

type Entry = (host: string, port: number) => boolean;

function readEntry(entry: string): Entry | undefined {
  if (entry === '*') return () => true;
  const { host, port } = splitPort(entry);
  const matches = host.includes('/') ? readRange(host) : readHost(host);
  return matches === undefined || port === undefined
    ? matches
    : (destination, called) => called === port && matches(destination, called);
}

function splitPort(entry: string): { readonly host: string; readonly port: number | undefined } {
  const isBareIPv6 = /^[^[\]]*:[^[\]]*:/.test(entry);
  const [, bracketed, plain, port] =
    (isBareIPv6 ? null : /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(entry)) ?? [];
  return { host: bracketed ?? plain ?? entry, port: port === undefined ? undefined : Number(port) };
}

function readRange(range: string): Entry | undefined {
  if (!ipaddr.isValidCIDR(range)) return undefined;
  const [network, bits] = ipaddr.parseCIDR(range);
  return (host) => {
    if (isIP(host) === 0) return false;
    const address = ipaddr.process(host);
    return address.kind() === network.kind() && address.match(network, bits);
  };
}

function readHost(host: string): Entry | undefined {
  if (isIP(host) !== 0) {
    const wanted = ipaddr.process(host).toString();
    return (destination) => isIP(destination) !== 0 && ipaddr.process(destination).toString() === wanted;
  }
  const name = domainToASCII(host.replace(/^\*?\./, '')).replace(/\.$/, '');
  if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(name)) return undefined;
  return (destination) => isIP(destination) === 0 && (destination === name || destination.endsWith(`.${name}`));
}

function isThisMachine(host: string): boolean {
  if (isIP(host) === 0) return host === 'localhost' || host.endsWith('.localhost');
  return ['loopback', 'unspecified'].includes(ipaddr.process(host).range());
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}
