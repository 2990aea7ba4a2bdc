import { createHash } from 'node:crypto';
import { awsRefusal } from '@sallyport/testing/servers';
import { describe, expect, test } from 'vitest';
import { signAwsRequest } from './sign-aws-request.js';

/**
 * AWS's own test suite for Signature Version 4 (`aws-signing-test-suite/v4`): what of it a request of ours can be, with
 * paths normalized.
 */
const vectors: [
  name: string,
  method: string,
  target: string,
  signature: string,
  more: { headers?: Record<string, string>; body?: string; token?: boolean },
][] = [
  [
    'get-header-value-trim',
    'GET',
    '/',
    'acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736',
    { headers: { 'my-header1': ' value1', 'my-header2': ' "a   b   c"' } },
  ],
  [
    'get-relative-normalized',
    'GET',
    '/example/..',
    '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    {},
  ],
  [
    'get-slash-dot-slash-normalized',
    'GET',
    '/./',
    '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31',
    {},
  ],
  ['get-slash-normalized', 'GET', '//', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31', {}],
  [
    'get-slash-pointless-dot-normalized',
    'GET',
    '/./example',
    'ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5',
    {},
  ],
  [
    'get-slashes-normalized',
    'GET',
    '//example//',
    '9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84',
    {},
  ],
  [
    'get-space-normalized',
    'GET',
    '/example space/',
    '652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741',
    {},
  ],
  [
    'get-unreserved',
    'GET',
    '/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
    '07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f',
    {},
  ],
  ['get-utf8', 'GET', '/ሴ', '8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85', {}],
  ['get-vanilla', 'GET', '/', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31', {}],
  [
    'get-vanilla-empty-query-key',
    'GET',
    '/?Param1=value1',
    'a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb',
    {},
  ],
  [
    'get-vanilla-query-order-encoded',
    'GET',
    '/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1',
    '371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac',
    {},
  ],
  [
    'get-vanilla-query-order-key-case',
    'GET',
    '/?Param2=value2&Param1=value1',
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    {},
  ],
  [
    'get-vanilla-query-unreserved',
    'GET',
    '/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz',
    '9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197',
    {},
  ],
  ['get-vanilla-utf8-query', 'GET', '/?ሴ=bar', '2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04', {}],
  [
    'post-header-key-sort',
    'POST',
    '/',
    'c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c',
    { headers: { 'my-header1': 'value1' } },
  ],
  [
    'post-header-value-case',
    'POST',
    '/',
    'cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d',
    { headers: { 'my-header1': 'VALUE1' } },
  ],
  [
    'post-sts-header-before',
    'POST',
    '/',
    '85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead',
    { token: true },
  ],
  ['post-vanilla', 'POST', '/', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b', {}],
  [
    'post-x-www-form-urlencoded',
    'POST',
    '/',
    'd3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b',
    { headers: { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '13' }, body: 'Param1=value1' },
  ],
  [
    'post-x-www-form-urlencoded-parameters',
    'POST',
    '/',
    '328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422',
    {
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8', 'content-length': '13' },
      body: 'Param1=value1',
    },
  ],
];
const keys = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  region: 'us-east-1',
  service: 'service',
};
const sessionToken =
  'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==';
const now = Date.UTC(2015, 7, 30, 12, 36, 0);
const signatureIn = (headers: Record<string, string>) =>
  /Signature=([0-9a-f]{64})$/.exec(headers['authorization'] ?? '')?.[1];

describe('a signature of AWS', () => {
  test.each(vectors)(
    'is the published one: %s (R43)',
    (_name, method, target, signature, { headers = {}, body = '', token = false }) => {
      const [path = '', query] = target.split('?');
      // The suite gives paths as they are before they are encoded for the wire.
      const url = {
        host: 'example.amazonaws.com',
        pathname: decodeURI(new URL(`https://example.amazonaws.com${path}`).pathname),
        search: query === undefined ? '' : `?${query}`,
      };
      const digest: Record<string, string> =
        body === '' ? {} : { 'x-amz-content-sha256': createHash('sha256').update(body).digest('hex') };
      const signed = signAwsRequest(
        { method, url, headers: { ...headers, ...digest }, body },
        token ? { ...keys, sessionToken } : keys,
        now,
      );
      expect(signatureIn(signed)).toBe(signature);
      expect([signed['x-amz-date'], signed['x-amz-security-token']]).toEqual([
        '20150830T123600Z',
        token ? sessionToken : undefined,
      ]);
    },
  );

  const request = {
    method: 'POST',
    url: new URL('https://tools.example/mcp?a=1'),
    headers: {
      'content-type': 'application/json',
      'mcp-method': 'tools/call',
      'user-agent': 'sallyport',
      accept: 'application/json',
    },
    body: '{}',
  };
  const sign = (changes: object = {}, at = now) =>
    signatureIn(signAwsRequest({ ...request, ...changes }, { ...keys, sessionToken }, at));
  test('holds for one method, address, body, moment and set of headers, whatever proxies add', () => {
    expect(
      sign({ headers: { ...request.headers, 'user-agent': 'proxy', accept: '*/*', 'x-amzn-trace-id': 'Root=1' } }),
    ).toBe(sign());
    const others = [
      { method: 'GET' },
      { body: '{ }' },
      { url: new URL('https://tools.example/mcp?a=2') },
      { url: new URL('https://tools.example/mcp/?a=1') },
      { url: new URL('https://tools.example:8443/mcp?a=1') },
      { headers: { ...request.headers, 'mcp-method': 'tools/list' } },
      { headers: { ...request.headers, 'mcp-name': 'x' } },
    ];
    const signatures = [sign(), sign({}, now + 1000), ...others.map((change) => sign(change))];
    expect(new Set(signatures).size).toBe(signatures.length);
  });
  test('is verified by a service that encodes the path it received once more, as those of agent runtimes have it', () => {
    const target =
      '/runtimes/arn%3Aaws%3Abedrock-agentcore%3Aeu-central-1%3A123456789012%3Aruntime%2Ftools/invocations?qualifier=DEFAULT';
    const url = new URL(`https://bedrock-agentcore.eu-central-1.amazonaws.com${target}`);
    const signed = signAwsRequest({ ...request, url }, { ...keys, sessionToken }, now);
    const refusal = (changes: object) =>
      awsRefusal(
        {
          method: 'POST',
          target,
          scheme: 'https',
          body: '{}',
          headers: { ...request.headers, ...signed, host: url.host },
          ...changes,
        },
        new Map([[keys.accessKeyId, { ...keys, sessionToken, expiresAt: now + 1 }]]),
        { ...keys, now },
      );
    expect([refusal({}), refusal({ target: target.replace('%2F', '/') })]).toEqual([
      undefined,
      'InvalidSignatureException',
    ]);
  });
  test('shows neither the secret key nor, in the Authorization header, the session token (R44)', () => {
    const headers = signAwsRequest(request, { ...keys, sessionToken }, now);
    expect(JSON.stringify(headers)).not.toContain(keys.secretAccessKey);
    expect(headers['authorization']).not.toContain(sessionToken);
    expect(headers['authorization']).toContain(
      'SignedHeaders=content-type;host;mcp-method;x-amz-date;x-amz-security-token,',
    );
  });
});
