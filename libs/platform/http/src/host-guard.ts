import type { IncomingMessage, ServerResponse } from 'node:http';
import { loopbackSpellings } from '@sallyport/kernel';

export interface HostGuardOptions {
  /** The origins of this app, such as `https://gateway.example`. */
  readonly publicUrls: readonly string[];
  /** Origins of browser applications that may call across origins. */
  readonly allowedOrigins?: readonly string[];
  /**
   * Paths that pages of any origin may read, such as metadata and keys (RFC 8414, RFC 9728). A path that ends in `/`
   * includes everything below it; any other path is exact.
   */
  readonly publicDocuments?: readonly string[];
  /**
   * What happens to a request for another spelling of a loopback public URL, such as `localhost` for `127.0.0.1`:
   * `serve` answers it, `redirect` (the default) sends a GET or HEAD to the public URL and refuses the rest.
   */
  readonly otherSpellings?: 'serve' | 'redirect';
}

/** The part of a request that the guard reads. `host` is Fastify's: a forwarded one only from a trusted proxy. */
export interface GuardedRequest {
  readonly host: string;
  readonly raw: Pick<IncomingMessage, 'rawHeaders' | 'url' | 'headers' | 'method'>;
}

export type HostVerdict =
  /** `crossOrigin` is the foreign origin that may read the answer, `*` for a public document, null for our own. */
  | { readonly outcome: 'accepted'; readonly crossOrigin: string | null }
  /** The request used another spelling of our address; `url` is the one to use. */
  | { readonly outcome: 'elsewhere'; readonly url: string }
  /** `detail` tells the sender whose move it is. */
  | { readonly outcome: 'refused'; readonly reason: HostRefusal; readonly detail: string };
export type HostRefusal = 'foreign_host' | 'foreign_origin' | 'ambiguous_host';

export type HostGuard = (request: GuardedRequest) => HostVerdict;

/**
 * Creates the check that stops DNS rebinding and cross-site calls from browsers (security rule S19). It refuses a Host
 * or an Origin that the configuration does not name. A request without an Origin is not a page script's; it passes.
 */
export function createHostGuard(options: HostGuardOptions): HostGuard {
  const { publicUrls, allowedOrigins = [], publicDocuments = [], otherSpellings = 'redirect' } = options;
  const spellings = publicUrls.flatMap((url) => loopbackSpellings(url).map((other) => [other, url] as const));
  const served = otherSpellings === 'serve' ? [...publicUrls, ...spellings.map(([other]) => other)] : publicUrls;
  const hosts = new Set(served.flatMap(hostsOf));
  const elsewhere = new Map(spellings.flatMap(([other, url]) => hostsOf(other).map((host) => [host, url])));
  const ownOrigins = new Set(served.map((url) => new URL(url).origin));
  const foreignButAllowed = new Set(allowedOrigins.map((origin) => new URL(origin).origin));
  const refused = (reason: HostRefusal): HostVerdict => ({
    outcome: 'refused',
    reason,
    detail: wordsFor(reason, publicUrls[0]),
  });
  const isPublic = (url: string): boolean => {
    const [path = ''] = url.split('?');
    return publicDocuments.some((document) => (document.endsWith('/') ? path.startsWith(document) : path === document));
  };

  return ({ host, raw }) => {
    const {
      method = '',
      url,
      headers: { origin },
    } = raw;
    if (occurrences(raw.rawHeaders, 'host') !== 1 || url?.startsWith('/') !== true) return refused('ambiguous_host');
    const named = host.toLowerCase();
    if (!hosts.has(named)) {
      const own = elsewhere.get(named);
      // A redirected form or call may lose its body or its credentials: its sender reads the right address instead.
      return own === undefined || !READS.has(method)
        ? refused('foreign_host')
        : { outcome: 'elsewhere', url: `${own}${url}` };
    }
    if (origin === undefined || ownOrigins.has(origin)) return { outcome: 'accepted', crossOrigin: null };
    if (foreignButAllowed.has(origin)) return { outcome: 'accepted', crossOrigin: origin };
    if ((READS.has(method) || method === 'OPTIONS') && isPublic(url)) return { outcome: 'accepted', crossOrigin: '*' };
    return refused('foreign_origin');
  };
}

const READS: ReadonlySet<string> = new Set(['GET', 'HEAD']);

/** The Host headers that name this URL: without a port, and with the default port of its scheme. */
function hostsOf(url: string): readonly string[] {
  const { protocol, hostname, port, host } = new URL(url);
  return port === '' ? [host, `${hostname}:${protocol === 'https:' ? 443 : 80}`] : [host];
}

function wordsFor(reason: HostRefusal, publicUrl: string | undefined): string {
  switch (reason) {
    case 'foreign_host':
      return `This is ${publicUrl}: use that address.`;
    case 'foreign_origin':
      return 'Pages of this origin may not call this service. An operator can allow it in SALLYPORT_ALLOWED_ORIGINS.';
    case 'ambiguous_host':
      return 'A request must have one Host and a target that begins with "/" (RFC 9112 section 3.2). Send such a one.';
  }
}

/** The rules for a page of another origin (Fetch standard, CORS protocol). */
export interface CorsOptions {
  /** Response headers that the page's script may read. */
  readonly exposedHeaders: readonly string[];
  /** Request headers that it may send. */
  readonly allowedHeaders: readonly string[];
  readonly methods: readonly string[];
}

/** Lets pages of this origin, or of any (`*`), read the answer. It never allows cookies across origins. */
export function allowCrossOrigin(response: ServerResponse, origin: string, { exposedHeaders }: CorsOptions): void {
  response.setHeader('access-control-allow-origin', origin);
  if (origin !== '*') response.setHeader('vary', 'Origin');
  if (exposedHeaders.length > 0) response.setHeader('access-control-expose-headers', exposedHeaders.join(', '));
}

/** Answers the preflight request of an accepted origin. */
export function answerPreflight(response: ServerResponse, origin: string, cors: CorsOptions): void {
  allowCrossOrigin(response, origin, cors);
  response.setHeader('access-control-allow-methods', cors.methods.join(', '));
  response.setHeader('access-control-allow-headers', cors.allowedHeaders.join(', '));
  response.setHeader('access-control-max-age', '600');
  response.writeHead(204).end();
}

function occurrences(rawHeaders: readonly string[], name: string): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]?.toLowerCase() === name) count++;
  return count;
}
