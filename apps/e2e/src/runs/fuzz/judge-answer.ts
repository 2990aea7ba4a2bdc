import type { FuzzFacts, FuzzRequest } from './fuzz-request.js';

/** What came back, or that nothing did. */
export type FuzzAnswer =
  | {
      readonly type: 'answered';
      readonly status: number;
      readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
      readonly body: string;
    }
  | { readonly type: 'timed-out' }
  | { readonly type: 'failed'; readonly reason: string };

const STACK =
  /\n\s+at .+:\d+:\d+|\bnode_modules[/\\]|\bfile:\/\/\/\S+\.[jt]s\b|Invalid `.*` invocation|\bTypeError:|\bReferenceError:/;
const EXECUTES = /^\s*(?:javascript|data|vbscript|file|about|blob):/i;
/** Bytes; a server may stop reading and hang up on more than it accepts. */
const LONGEST_BODY = 64 * 1024;

/** Why this answer must not be given to anybody, whoever asks what; undefined when it may. */
export function judgeAnswer(
  request: FuzzRequest,
  answer: FuzzAnswer,
  facts: Pick<FuzzFacts, 'issuer' | 'redirectUri' | 'endpoints' | 'identityProvider'>,
): string | undefined {
  if (answer.type === 'timed-out') return 'no answer in time';
  if (answer.type === 'failed')
    return Buffer.byteLength(request.body ?? '') > LONGEST_BODY ? undefined : `the connection failed: ${answer.reason}`;
  const { status, headers, body } = answer;
  if (status >= 500) return `status ${status}`;
  if (STACK.test(body)) return 'the body tells about the inside';
  if (status === 429 && headers['retry-after'] === undefined) return 'refused for now, but not until when';
  const contentType = String(headers['content-type'] ?? '');
  if (contentType.includes('html') && body.includes('<fuzz-markup')) return 'the page contains markup of the request';
  if (headers['x-injected'] !== undefined) return 'the request could add a header';
  const location = headers['location'];
  if (location !== undefined) {
    const refusal = typeof location === 'string' ? foreign(location, facts) : 'several locations';
    if (refusal !== undefined) return refusal;
  }
  const path = request.path.split('?', 1)[0] ?? '';
  if (request.method === 'POST' && facts.endpoints.has(path)) {
    const parsed = contentType.includes('json') ? parse(body) : undefined;
    if ((status === 400 || status === 401) && typeof parsed?.['error'] !== 'string')
      return `status ${status} without an OAuth error`;
    if (
      path === '/register' &&
      status === 201 &&
      [parsed?.['redirect_uris']].flat().some((uri) => EXECUTES.test(String(uri)))
    )
      return 'a redirect URI that runs code was registered';
  }
  return undefined;
}

/**
 * Redirects go to our own pages, to the identity provider, or to what the client registered; of a loopback address the
 * port may differ (RFC 8252 section 7.3).
 */
function foreign(
  location: string,
  { issuer, redirectUri, identityProvider }: Pick<FuzzFacts, 'issuer' | 'redirectUri' | 'identityProvider'>,
): string | undefined {
  if (!URL.canParse(location, issuer)) return `a location that is no URL: ${location}`;
  const url = new URL(location, issuer);
  if ([issuer, identityProvider].includes(url.origin) && url.username === '' && url.password === '') return undefined;
  const own = new URL(redirectUri);
  if (
    url.protocol === own.protocol &&
    url.hostname === own.hostname &&
    url.pathname === own.pathname &&
    url.username === '' &&
    url.password === ''
  )
    return undefined;
  return `a redirect to ${location}`;
}

function parse(body: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined; // what claims to be JSON and is not: judged as a missing error
  }
}
