import { isAmbiguousUri } from '@sallyport/policy';
import type { NamePrefix } from './public-name.js';

const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:/;
const PREFIX = 'via-';

/**
 * The URI agents see carries the server id (security rule S13): `via-<server>+<scheme>:…`, and `ui://via-<server>/…`
 * where hosts look at the scheme (MCP Apps). Works on URI templates as well, since only the front changes. With
 * `never` the URI is the server's own. `undefined` for what is no absolute URI or must not be sent (`isRefusedUri`).
 */
export function publicResourceUri(server: string, uri: string, prefix: NamePrefix): string | undefined {
  if (!ABSOLUTE.test(uri) || isRefusedUri(uri)) return undefined;
  if (prefix === 'never') return uri;
  return uri.startsWith('ui://') ? `ui://${PREFIX}${server}/${uri.slice('ui://'.length)}` : `${PREFIX}${server}+${uri}`;
}

/** The server's own URI, or `undefined` when this is not a URI of one of `servers`. No server is tried for another's URI. */
export function serverResourceUri(publicUri: string, servers: readonly string[], prefix: NamePrefix): { server: string; uri: string } | undefined {
  if (prefix === 'never') {
    const only = servers.length === 1 ? servers[0] : undefined;
    return only !== undefined && isRelayable(publicUri) ? { server: only, uri: publicUri } : undefined;
  }
  for (const server of servers) {
    for (const [front, scheme] of [[`${PREFIX}${server}+`, ''], [`ui://${PREFIX}${server}/`, 'ui://']] as const) {
      if (!publicUri.startsWith(front)) continue;
      const uri = scheme + publicUri.slice(front.length);
      // A `ui://` URI has one public form only.
      if (scheme === '' && uri.startsWith('ui://')) return undefined;
      return isRelayable(uri) ? { server, uri } : undefined;
    }
  }
  return undefined;
}

const isRelayable = (uri: string): boolean => ABSOLUTE.test(uri) && !isRefusedUri(uri);

const MAX_LENGTH = 4096;

/** What is never sent downstream: what policy could read differently than the server does, and what is absurdly long. */
export function isRefusedUri(uri: string): boolean {
  return uri.length > MAX_LENGTH || isAmbiguousUri(uri);
}
