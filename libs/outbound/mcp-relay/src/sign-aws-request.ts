import { createHash, createHmac } from 'node:crypto';
import type { SignableRequest } from './request-credential.js';

/** Temporary keys of one role session, and what they sign for. */
export interface AwsSigningKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
  readonly region: string;
  readonly service: string;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';
/** Proxies add or change these; everything else that is sent is signed. */
const UNSIGNED = new Set(['user-agent', 'accept', 'connection', 'expect', 'transfer-encoding', 'x-amzn-trace-id']);

/** Of a URL, what is signed. */
type AwsRequest = Omit<SignableRequest, 'url'> & { readonly url: Pick<URL, 'host' | 'pathname' | 'search'> };

/**
 * AWS Signature Version 4 in the Authorization header, over method, path, query, headers and body.
 * @param now milliseconds since the epoch; AWS takes a signature for 5 minutes
 */
export function signAwsRequest(
  { method, url, headers, body }: AwsRequest,
  keys: AwsSigningKeys,
  now: number,
): Record<string, string> {
  const time = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${time.slice(0, 8)}/${keys.region}/${keys.service}/aws4_request`;
  const added = {
    'x-amz-date': time,
    ...(keys.sessionToken === undefined ? {} : { 'x-amz-security-token': keys.sessionToken }),
  };
  const signed = Object.entries({ ...headers, ...added, host: url.host })
    .filter(([name]) => name !== 'authorization' && !UNSIGNED.has(name))
    .toSorted(([a], [b]) => compare(a, b));
  const names = signed.map(([name]) => name).join(';');
  const fields = signed.map(([name, value]) => `${name}:${value.trim().replace(/\s+/g, ' ')}\n`).join('');
  const canonical = [method, canonicalPath(url), canonicalQuery(url), fields, names, sha256(body)].join('\n');
  const signature = hmac(signingKey(keys, scope), [ALGORITHM, time, scope, sha256(canonical)].join('\n')).toString(
    'hex',
  );
  return {
    ...added,
    authorization:
      `${ALGORITHM} Credential=${keys.accessKeyId}/${scope}, SignedHeaders=${names}, ` + `Signature=${signature}`,
  };
}

/**
 * Each segment encoded once more than it is sent (all services but S3, which speaks no MCP). The URL class has resolved
 * dot segments.
 */
function canonicalPath({ pathname }: AwsRequest['url']): string {
  return pathname
    .replace(/\/{2,}/g, '/')
    .split('/')
    .map(encode)
    .join('/');
}

function canonicalQuery({ search }: AwsRequest['url']): string {
  const pairs = search
    .slice(1)
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const at = pair.indexOf('=');
      return (at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]).map((part) => encode(decode(part))) as [
        string,
        string,
      ];
    });
  return pairs
    .toSorted(([a, x], [b, y]) => (a === b ? compare(x, y) : compare(a, b)))
    .map(([name, value]) => `${name}=${value}`)
    .join('&');
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** RFC 3986: only unreserved characters stay. */
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);

/** What is no percent-encoded UTF-8 stands for itself. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // malformed escape
  }
}

function signingKey({ secretAccessKey }: AwsSigningKeys, scope: string): Buffer {
  return scope.split('/').reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${secretAccessKey}`));
}

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
