import { constants, createHash, createHmac, timingSafeEqual, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';

/** A request as it arrived: the target of its first line, header names in lower case. */
export interface ArrivedRequest {
  readonly method: string;
  /** `/mcp?a=1` */
  readonly target: string;
  readonly scheme: 'http' | 'https';
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

const header = ({ headers }: ArrivedRequest, name: string): string => String(headers[name] ?? '');
const sha256 = (text: string) => createHash('sha256').update(text).digest();
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/**
 * Signature Version 4 as a service verifies it: from what arrived and its own record of the session's keys.
 * @param now milliseconds since the epoch
 * @returns why not, in AWS's words, or `undefined`
 */
export function awsRefusal(
  request: ArrivedRequest,
  sessions: ReadonlyMap<string, { secretAccessKey: string; sessionToken: string; expiresAt: number }>,
  { region, service, now }: { region: string; service: string; now: number },
): string | undefined {
  const match =
    /^AWS4-HMAC-SHA256 Credential=(\w+)\/(\d{8})\/([\w-]+)\/([\w-]+)\/aws4_request, SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})$/.exec(
      header(request, 'authorization'),
    );
  if (match === null) return 'MissingAuthenticationTokenException';
  const [, accessKeyId = '', day = '', forRegion = '', forService = '', names = '', signature = ''] = match;
  const session = sessions.get(accessKeyId);
  if (session === undefined || header(request, 'x-amz-security-token') !== session.sessionToken)
    return 'UnrecognizedClientException';
  if (session.expiresAt <= now) return 'ExpiredTokenException';
  const time = header(request, 'x-amz-date');
  const signedAt = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (!(Math.abs(now - signedAt) <= 300_000) || !time.startsWith(day) || forRegion !== region || forService !== service)
    return 'InvalidSignatureException';
  const signed = names.split(';');
  const mustBeSigned = [
    'host',
    ...Object.keys(request.headers).filter((name) => /^(content-type|x-amz-.*|mcp-.*)$/.test(name)),
  ];
  if (!mustBeSigned.every((name) => signed.includes(name))) return 'InvalidSignatureException';
  const [path = '', query = ''] = request.target.split('?');
  const reencoded = path
    .split('/')
    .map((segment) => encodeURIComponent(segment))
    .join('/');
  const sorted =
    query === ''
      ? ''
      : query
          .split('&')
          .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
          .sort()
          .join('&');
  const canonical = `${request.method}\n${reencoded}\n${sorted}\n${signed.map((name) => `${name}:${header(request, name)}\n`).join('')}\n${names}\n${sha256(request.body).toString('hex')}`;
  const key = hmac(hmac(hmac(hmac(`AWS4${session.secretAccessKey}`, day), region), service), 'aws4_request');
  const expected = hmac(
    key,
    `AWS4-HMAC-SHA256\n${time}\n${day}/${region}/${service}/aws4_request\n${sha256(canonical).toString('hex')}`,
  );
  return timingSafeEqual(expected, Buffer.from(signature, 'hex')) ? undefined : 'InvalidSignatureException';
}

export interface HttpSignature {
  readonly components: readonly string[];
  readonly parameters: Readonly<Record<string, string>>;
}

/**
 * HTTP Message Signatures (RFC 9421 section 3.2) under one label, with the body's digest (RFC 9530) compared.
 * @returns what was signed, or `undefined` when it does not hold
 */
export function verifyHttpSignature(
  request: ArrivedRequest,
  keys: ReadonlyMap<string, KeyObject>,
  label = 'sallyport',
): HttpSignature | undefined {
  const input = new RegExp(`^${label}=(\\(([^)]*)\\)(.*))$`).exec(header(request, 'signature-input'));
  const bytes = new RegExp(`^${label}=:([A-Za-z0-9+/=]+):$`).exec(header(request, 'signature'));
  if (input === null || bytes === null) return undefined;
  const [, inner = '', list = '', rest = ''] = input;
  const components = [...list.matchAll(/"([^"]+)"/g)].map(([, name = '']) => name);
  const parameters = Object.fromEntries(
    [...rest.matchAll(/;([a-z]+)=(?:"([^"]*)"|(\d+))/g)].map(([, name = '', text, number]) => [
      name,
      text ?? number ?? '',
    ]),
  );
  const key = keys.get(parameters['keyid'] ?? '');
  if (key === undefined) return undefined;
  if (
    request.body !== '' &&
    (!components.includes('content-digest') ||
      header(request, 'content-digest') !== `sha-256=:${sha256(request.body).toString('base64')}:`)
  )
    return undefined;
  const base = [
    ...components.map((name) => `"${name}": ${componentOf(request, name)}`),
    `"@signature-params": ${inner}`,
  ].join('\n');
  return isSignedBy(Buffer.from(base), Buffer.from(bytes[1] ?? '', 'base64'), key, parameters['alg'] ?? '')
    ? { components, parameters }
    : undefined;
}

function componentOf(request: ArrivedRequest, name: string): string {
  const host = header(request, 'host').toLowerCase();
  const [path = '', query] = request.target.split('?');
  switch (name) {
    case '@method':
      return request.method;
    case '@target-uri':
      return `${request.scheme}://${host}${request.target}`;
    case '@authority':
      return host;
    case '@scheme':
      return request.scheme;
    case '@request-target':
      return request.target;
    case '@path':
      return path;
    case '@query':
      return `?${query ?? ''}`;
    default:
      return header(request, name).trim();
  }
}

export function isSignedBy(base: Buffer, signature: Buffer, key: KeyObject, algorithm: string): boolean {
  switch (algorithm) {
    case 'ed25519':
      return verify(null, base, key, signature);
    case 'ecdsa-p256-sha256':
      return verify('sha256', base, { key, dsaEncoding: 'ieee-p1363' }, signature);
    case 'ecdsa-p384-sha384':
      return verify('sha384', base, { key, dsaEncoding: 'ieee-p1363' }, signature);
    case 'rsa-pss-sha512':
      return verify('sha512', base, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 64 }, signature);
    case 'hmac-sha256': {
      const expected = createHmac('sha256', key).update(base).digest();
      return expected.length === signature.length && timingSafeEqual(expected, signature);
    }
    default:
      return false;
  }
}
