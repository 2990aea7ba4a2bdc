import type { IncomingMessage, ServerResponse } from 'node:http';

export interface HostGuardOptions {
  /** The origins this app is reached under, such as `https://gateway.example`. */
  readonly publicUrls: readonly string[];
  /** Origins of browser applications that may call across origins. */
  readonly allowedOrigins?: readonly string[];
}

/** What the guard looks at. `host` is Fastify's `request.host`: a forwarded one only if the peer is a listed proxy. */
export interface GuardedRequest {
  readonly host: string;
  readonly raw: Pick<IncomingMessage, 'rawHeaders' | 'url' | 'headers'>;
}

export type HostVerdict =
  | { outcome: 'accepted'; crossOrigin: string | null }
  | { outcome: 'refused'; reason: 'foreign_host' | 'foreign_origin' | 'ambiguous_host' };

/**
 * Decides whether a request was meant for us (security rule S19): public URLs come from configuration and a Host or
 * Origin that is not among them is refused, which is what stops DNS rebinding and cross-site calls from browsers.
 * A request without Origin is not from a page's script and passes.
 */
export function createHostGuard({
  publicUrls,
  allowedOrigins = [],
}: HostGuardOptions): (request: GuardedRequest) => HostVerdict {
  const own = publicUrls.map((url) => new URL(url));
  const hosts = new Set(
    own.flatMap(({ protocol, hostname, port, host }) =>
      port === '' ? [host, `${hostname}:${protocol === 'https:' ? 443 : 80}`] : [host],
    ),
  );
  const ownOrigins = new Set(own.map((url) => url.origin));
  const foreignButAllowed = new Set(allowedOrigins.map((origin) => new URL(origin).origin));

  return ({ host, raw }) => {
    if (occurrences(raw.rawHeaders, 'host') !== 1 || raw.url?.startsWith('/') !== true)
      return { outcome: 'refused', reason: 'ambiguous_host' };
    if (!hosts.has(host.toLowerCase())) return { outcome: 'refused', reason: 'foreign_host' };
    const { origin } = raw.headers;
    if (origin === undefined || ownOrigins.has(origin)) return { outcome: 'accepted', crossOrigin: null };
    if (foreignButAllowed.has(origin)) return { outcome: 'accepted', crossOrigin: origin };
    return { outcome: 'refused', reason: 'foreign_origin' };
  };
}

export interface CorsOptions {
  /** Response headers a page's script may read. */
  readonly exposedHeaders: readonly string[];
  /** Request headers it may send. */
  readonly allowedHeaders: readonly string[];
  readonly methods: readonly string[];
}

/** Marks the answer as readable by this one origin. Credentials (cookies) are never allowed across origins. */
export function allowCrossOrigin(response: ServerResponse, origin: string, { exposedHeaders }: CorsOptions): void {
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('vary', 'Origin');
  if (exposedHeaders.length > 0) response.setHeader('access-control-expose-headers', exposedHeaders.join(', '));
}

/** Answers a preflight of an accepted origin. */
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
