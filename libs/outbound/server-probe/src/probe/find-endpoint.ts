import { createRelay } from '@sallyport/mcp-relay';
import type { Endpoint } from '../findings.js';
import { isLikeMcp, isRedirect, isWebPage, lookAtAddress } from './look-at-address.js';
import type { Look } from './look-at-address.js';
import { EXCHANGE_MS, USER_AGENT } from './probe-network.js';
import type { ProbeNetwork } from './probe-network.js';

export interface FoundEndpoint {
  readonly url: string;
  readonly endpoint: Endpoint;
  /** `WWW-Authenticate` of a 401. */
  readonly challenge: string | undefined;
}

type MovedBy = Extract<Endpoint, { type: 'mcp' }>['movedBy'];
const PING = 'POST ping';

/**
 * Finds the MCP endpoint that somebody meant: the address they typed, where that one redirects to, the same with or
 * without its last slash, or the usual path `/mcp` of that host.
 */
export async function findEndpoint(typed: string, network: ProbeNetwork): Promise<FoundEndpoint> {
  const first = await lookAtAddress(typed, network);
  if (isLikeMcp(first)) return found(typed, first, undefined);
  if (first.type === 'failed') return { url: typed, endpoint: unreachable(typed, first), challenge: undefined };
  const refused: { location: string; said: string }[] = [];
  for (const { url, movedBy } of candidates(typed, first)) {
    const look = await lookAtAddress(url, network);
    if (isLikeMcp(look)) return found(url, look, movedBy);
    if (movedBy === 'redirect' && look.type === 'failed') refused.push({ location: url, said: look.said });
  }
  return { url: typed, endpoint: await otherThanMcp(typed, first, refused[0], network), challenge: undefined };
}

function* candidates(typed: string, first: Look): Generator<{ readonly url: string; readonly movedBy: MovedBy }> {
  if (isRedirect(first) && first.type === 'answered' && first.location !== undefined)
    yield { url: withoutFragment(first.location), movedBy: 'redirect' };
  const { pathname } = new URL(typed);
  const at = (path: string) => {
    const url = new URL(typed);
    url.pathname = path;
    return url.href;
  };
  if (pathname !== '/')
    yield { url: at(pathname.endsWith('/') ? pathname.slice(0, -1) : `${pathname}/`), movedBy: 'trailing-slash' };
  const base = pathname.replace(/\/(sse|messages?)?\/?$/, '');
  const tried = new Set<string>([pathname]);
  for (const path of [`${base}/mcp`, '/mcp']) {
    if (tried.has(path)) continue;
    tried.add(path);
    yield { url: at(path), movedBy: 'path' };
  }
}

function withoutFragment(address: string): string {
  const url = new URL(address);
  url.hash = '';
  return url.href;
}

function found(url: string, look: Look, movedBy: MovedBy): FoundEndpoint {
  const status = look.type === 'answered' ? look.status : 0;
  return {
    url,
    endpoint: { type: 'mcp', how: `${PING} ${url}: ${status}`, ...(movedBy === undefined ? {} : { movedBy }) },
    challenge: status === 401 && look.type === 'answered' ? look.challenge : undefined,
  };
}

const unreachable = (url: string, { reason, code, said }: Extract<Look, { type: 'failed' }>): Endpoint => ({
  type: 'unreachable',
  how: `${PING} ${url}`,
  reason,
  code: code.slice(0, 64),
  said: said.slice(0, 400),
});

/** What stands there, where nobody speaks MCP as we do. */
async function otherThanMcp(
  typed: string,
  first: Look & { readonly type: 'answered' },
  refused: { readonly location: string; readonly said: string } | undefined,
  network: ProbeNetwork,
): Promise<Endpoint> {
  const { status } = first;
  const relay = createRelay({ dispatcher: network.dispatcher, userAgent: USER_AGENT });
  const asked = {
    url: new URL(typed),
    credential: { headers: {} },
    headers: {},
    idleTimeoutMs: EXCHANGE_MS,
    signal: AbortSignal.any([network.signal, AbortSignal.timeout(EXCHANGE_MS)]),
  };
  if (!isRedirect(first) && (await relay.announcesEndpoint(asked)))
    return { type: 'http-and-sse', how: `${PING} ${typed}: ${status}; GET: a stream that begins with \`endpoint\`` };
  const how = `${PING} ${typed}: ${status}`;
  if (isRedirect(first) && first.location !== undefined) {
    const location = withoutFragment(first.location).slice(0, 400);
    return { type: 'redirect', how, location, why: (refused?.said ?? 'No MCP server answers there.').slice(0, 400) };
  }
  if (isWebPage(first)) return { type: 'web-page', how, status };
  return { type: 'not-mcp', how, status, contentType: first.contentType.slice(0, 400) };
}
