import { templateDeviation, uriDeviation } from '@sallyport/policy';
import type { UriPart } from '@sallyport/policy';
import type { NamePrefix } from './public-name.js';

const ABSOLUTE = /^[A-Za-z][A-Za-z0-9+.-]*:/;
const PREFIX = 'via-';
const MAX_LENGTH = 4096;

/**
 * The URI agents see carries the server id (security rule S13): `via-<server>+<scheme>:…`, and `ui://via-<server>/…`
 * where hosts look at the scheme (MCP Apps). With `never` the URI is the server's own. Its normal form is what agents
 * are shown, whatever the server wrote: it is what they may ask for. `undefined` for what has none, or is absurdly
 * long.
 */
export function publicResourceUri(server: string, uri: string, prefix: NamePrefix): string | undefined {
  const normal = normalResourceUri(uri);
  return normal === undefined ? undefined : prefixed(server, normal, prefix);
}

/** The same of a URI template, of which only the front changes: in its normal form, or not at all. */
export function publicUriTemplate(server: string, uriTemplate: string, prefix: NamePrefix): string | undefined {
  const isSent =
    ABSOLUTE.test(uriTemplate) && uriTemplate.length <= MAX_LENGTH && templateDeviation(uriTemplate) === undefined;
  return isSent ? prefixed(server, uriTemplate, prefix) : undefined;
}

/**
 * Of content that is there already, and is not asked for by this URI: where it has no public form it is `via-<server>:`
 * and what the server wrote, encoded. That is a URI for every client, and none that anything can be asked for with.
 */
export function publicContentUri(server: string, uri: string, prefix: NamePrefix): string {
  if (prefix === 'never') return uri;
  return publicResourceUri(server, uri, prefix) ?? `${PREFIX}${server}:${encodeURIComponent(uri.toWellFormed())}`;
}

/** How a server's URI is asked for, decided on and sent; `undefined` for what is no absolute URI or cannot be. */
export function normalResourceUri(uri: string): string | undefined {
  if (uri.length > MAX_LENGTH) return undefined;
  const deviation = uriDeviation(uri);
  const normal = deviation === undefined ? uri : deviation.normal;
  return normal === undefined || normal.length > MAX_LENGTH ? undefined : normal;
}

function prefixed(server: string, uri: string, prefix: NamePrefix): string {
  if (prefix === 'never') return uri;
  return uri.startsWith('ui://') ? `ui://${PREFIX}${server}/${uri.slice('ui://'.length)}` : `${PREFIX}${server}+${uri}`;
}

/** A URI an agent sent: to whom it belongs, and whether it may be sent there. */
export type ReceivedUri =
  | { readonly type: 'found'; readonly server: string; readonly uri: string }
  /** Another reader could take it for another resource. `normal`: what it should be, as agents write it. */
  | {
      readonly type: 'not-normal';
      readonly server: string;
      readonly part: UriPart | 'length';
      readonly normal: string | undefined;
    }
  /** Of none of these servers. */
  | { readonly type: 'unknown' };

/** No server is tried for another's URI. */
export function serverResourceUri(publicUri: string, servers: readonly string[], prefix: NamePrefix): ReceivedUri {
  const named = ownerOf(publicUri, servers, prefix);
  if (named === undefined) return { type: 'unknown' };
  const deviation =
    named.uri.length > MAX_LENGTH ? ({ part: 'length', normal: undefined } as const) : uriDeviation(named.uri);
  return received(named, deviation, prefix);
}

/** The same of the template an agent names. */
export function serverUriTemplate(publicTemplate: string, servers: readonly string[], prefix: NamePrefix): ReceivedUri {
  const named = ownerOf(publicTemplate, servers, prefix);
  if (named === undefined) return { type: 'unknown' };
  const part = named.uri.length > MAX_LENGTH ? 'length' : templateDeviation(named.uri);
  return received(named, part && { part, normal: undefined }, prefix);
}

interface Owned {
  readonly server: string;
  readonly uri: string;
}

interface Deviation {
  readonly part: UriPart | 'length';
  readonly normal: string | undefined;
}

function received({ server, uri }: Owned, deviation: Deviation | undefined, prefix: NamePrefix): ReceivedUri {
  if (deviation === undefined) return { type: 'found', server, uri };
  const { part, normal } = deviation;
  return {
    type: 'not-normal',
    server,
    part,
    normal: normal === undefined ? undefined : prefixed(server, normal, prefix),
  };
}

function ownerOf(publicUri: string, servers: readonly string[], prefix: NamePrefix): Owned | undefined {
  const own = (server: string, uri: string) => (ABSOLUTE.test(uri) ? { server, uri } : undefined);
  if (prefix === 'never')
    return servers.length === 1 && servers[0] !== undefined ? own(servers[0], publicUri) : undefined;
  for (const server of servers) {
    for (const [front, scheme] of [
      [`${PREFIX}${server}+`, ''],
      [`ui://${PREFIX}${server}/`, 'ui://'],
    ] as const) {
      if (!publicUri.startsWith(front)) continue;
      const uri = scheme + publicUri.slice(front.length);
      // A `ui://` URI has one public form only.
      return scheme === '' && uri.startsWith('ui://') ? undefined : own(server, uri);
    }
  }
  return undefined;
}
